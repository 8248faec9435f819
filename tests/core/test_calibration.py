"""The temperature of a model that is known to be too sure."""

import numpy as np
import pytest

from hardmax.calibration import fit_temperature
from hardmax.metrics import log_softmax


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 1000.0])
def test_a_known_temperature_is_found(temperature):
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (20000, 4))
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    found = fit_temperature(scores * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("labels", [[0, 1], [1, 0]])
def test_all_right_and_all_wrong_stay_finite(labels):
    scores = np.array([[1e4, 0.0], [0.0, 1e4]])
    temperature = fit_temperature(scores, np.array(labels))
    assert 0 < temperature < np.inf
    assert np.isfinite(log_softmax(scores / temperature)).all()
