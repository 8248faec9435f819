"""Models of users in several processes, and how TensorFlow's part of them starts and ends."""

import signal

import keras_models
import numpy as np
import process_fits
import pytest
import torchrun
from process_fits import PROCESSES

pytestmark = pytest.mark.slow

#: Uses TensorFlow before hardmax.
USED = """
import tensorflow as tf
tf.ones(1)
from hardmax.errors import ArgumentError
try:
    import hardmax.tensorflow
except ArgumentError as error:
    print(error)
"""

#: The last process is ended by SIGTERM while the first computes with it.
TERMINATED = """
import signal
from hardmax import frameworks
frameworks.load("tensorflow")
import tensorflow as tf
from hardmax.tensorflow import collectives
group = collectives.join()
with group.guarded():
    for step in range(1000):
        with collectives.together():
            collectives.all_sum_at_once(tf.ones(3))
        if step == 3 and not group.is_first:
            signal.raise_signal(signal.SIGTERM)
"""


@pytest.fixture(scope="module")
def alone():
    return keras_models.results()


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    return process_fits.together(keras_models.__file__, tmp_path_factory.mktemp("together"))


@pytest.mark.parametrize("name", keras_models.FITS)
def test_models_are_trained_as_in_one_process(name, alone, together):
    # Keras takes a synchronized variance as E(x^2) - E(x)^2, which rounds more.
    process_fits.assert_as_alone(name, alone, together, atol=1e-4)


def test_processes_have_random_numbers_of_their_own_also_after_resuming(together):
    assert len({*together["dropout: generators"][:, 0].tolist()}) == PROCESSES
    resumed = together["dropout: weights resumed"]
    np.testing.assert_array_equal(resumed, together["dropout: weights at once"])


def test_a_layer_that_normalizes_by_shares_is_warned_of(together):
    assert together["warned"].tolist() == [
        "Centered has variables that are not trained: if it computes them from a batch, it does so "
        "from each process's share of it, and their mean is kept; "
        "tf.keras.layers.BatchNormalization normalizes by whole batches"
    ]
    assert np.isfinite(together["mean"]).all()
    assert together["mean"].any()


def test_tensorflow_that_was_used_before_cannot_join():
    codes, printed = torchrun.ended(torchrun.start(2, "-c", USED))
    assert codes == [0, 0]
    for stdout, _ in printed:
        assert stdout == (
            "TensorFlow was used before the processes could join; import hardmax.tensorflow before "
            "anything is computed (Collective ops must be configured at program startup)\n"
        )


def test_a_process_is_ended_by_sigterm_and_ends_the_others():
    codes, printed = torchrun.ended(torchrun.start(2, "-c", TERMINATED))
    assert codes == [1, -signal.SIGTERM]
    line = "hardmax: process 1 of 2 ended unexpectedly; the training is stopped\n"
    assert printed == [("", line), ("", "")]
