"""Temperature scaling, on scores of a known temperature and against SciPy."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from hardmax.errors import DataError
from hardmax.evaluation.calibration import fit_temperature
from hardmax.evaluation.metrics import log_softmax


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 1000.0])
def test_a_known_temperature_is_recovered(temperature):
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (20000, 4))
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    found = fit_temperature(scores * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_the_temperature_minimizes_the_loss_according_to_scipy(scale):
    rng = np.random.default_rng(1)
    scores = (scale * rng.normal(0, 3, (400, 5))).astype(np.float32)
    labels = np.where(rng.random(400) < 0.6, scores.argmax(axis=1), rng.integers(0, 5, 400))

    def loss(log_temperature):
        logs = log_softmax(scores.astype(float) / np.exp(log_temperature))
        return -logs[np.arange(400), labels].mean()

    found = np.log(fit_temperature(scores, labels))
    near = np.log(scale)
    assert found == pytest.approx(
        minimize_scalar(loss, bounds=(near - 5, near + 9), method="bounded").x, abs=1e-3
    )


def test_weighted_examples_calibrate_like_repeated_ones():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(0, 3, (60, 3)), rng.integers(0, 3, 60)
    labels = np.where(rng.random(60) < 0.7, scores.argmax(axis=1), labels)
    weights = rng.integers(0, 4, 60)
    expected = fit_temperature(np.repeat(scores, weights, axis=0), np.repeat(labels, weights))
    assert fit_temperature(scores, labels, weights) == pytest.approx(expected)
    assert fit_temperature(scores, labels) != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("labels", "words"),
    [([0, 1], "all 2 examples are classified correctly"), ([1, 0], "no better than chance")],
)
def test_a_loss_without_a_minimum_is_rejected(refused, labels, words):
    with refused(DataError, words):
        fit_temperature(np.array([[3.0, 0.0], [0.0, 3.0]]), np.array(labels))
