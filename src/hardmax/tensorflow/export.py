"""Networks as SavedModels: folders."""

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from hardmax.tensorflow.module import Module

__all__ = ["IS_FOLDER", "SUFFIX", "load", "save"]

SUFFIX, IS_FOLDER = ".savedmodel", True

#: The file of the metadata, in the folder that a SavedModel keeps for files of other libraries.
METADATA = "assets.extra/hardmax.json"


def save(model: Module, shape: tuple[int, ...], path: Path, metadata: str) -> None:
    """Save a model that is built from an architecture, for evaluation without hardmax.

    It takes batches of any number of examples: images are float32 (examples, height, width,
    channels), where ``shape`` is (height, width, channels). ``metadata`` is a file in the folder.
    Raises OSError if it cannot be written.
    """
    model.training = False

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), tf.float32)])
    def scores(X: tf.Tensor) -> tf.Tensor:
        return model(X)

    network = tf.Module()
    network.weights = [weight.value for weight in model.net.weights]
    network.__call__ = scores
    try:
        tf.saved_model.save(network, str(path))
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message) from error
    file = path / METADATA
    file.parent.mkdir()
    file.write_text(metadata)


def load(path: Path) -> Callable[[tf.Tensor], np.ndarray]:
    """Return the function that ``save`` wrote: from a batch to scores as a NumPy array."""
    network = tf.saved_model.load(str(path))
    return lambda X: network(X).numpy()
