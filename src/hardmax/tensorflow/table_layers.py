"""The layers of networks for tables: they take vectors (examples, features)."""

import numpy as np
import tensorflow as tf

from hardmax.networks import table_layers
from hardmax.networks.shapes import Shape

__all__ = ["ParametricSELU", "PeriodicEmbedding", "PiecewiseLinear", "Scale"]


class Scale(tf.keras.layers.Layer):
    """Multiplies each feature of a vector by a weight."""

    def build(self, shape: Shape) -> None:
        """Create the weights for vectors of a shape."""
        self.weight = self.add_weight((shape[-1],), "ones", name="weight")

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return the scaled vectors."""
        return X * self.weight


class ParametricSELU(Scale):
    """Returns (1 - a) x + a selu(x), with a weight a for each feature."""

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return the activations of vectors."""
        return X + self.weight * (tf.nn.selu(X) - X)


class PeriodicEmbedding(tf.keras.layers.Layer):
    """Appends periodic functions of each feature to a vector."""

    def __init__(self, frequencies: int, functions: int, features: tuple[int, ...] | None):
        super().__init__()
        self.frequencies, self.functions, self.features = frequencies, functions, features

    def build(self, shape: Shape) -> None:
        """Create the weights for vectors of a shape."""
        features = shape[-1] if self.features is None else len(self.features)
        waves = (features, self.frequencies)
        self.frequency = self.add_weight(waves, "normal", name="frequency")
        self.phase = self.add_weight(waves, "normal", name="phase")
        matrices = (features, self.functions, self.frequencies)
        self.weight = self.add_weight(matrices, "normal", name="weight")
        self.bias = self.add_weight((features, self.functions), "zeros", name="bias")

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return vectors with their functions appended."""
        # The features come first, so that each has one matrix product over the examples.
        chosen = X if self.features is None else tf.gather(X, self.features, axis=1)
        columns = tf.transpose(chosen)[:, :, tf.newaxis]
        angles = columns * (2 * np.pi * self.frequency)[:, tf.newaxis] + self.phase[:, tf.newaxis]
        functions = tf.matmul(tf.cos(angles), self.weight, transpose_b=True)
        functions = tf.transpose(functions + self.bias[:, tf.newaxis], (1, 0, 2))
        width = chosen.shape[-1] * self.functions
        return tf.concat([X, tf.reshape(functions, (-1, width))], axis=1)


class PiecewiseLinear(tf.keras.layers.Layer):
    """Appends the piecewise linear encoding of features to a vector."""

    def __init__(self, layer: table_layers.PiecewiseLinear):
        super().__init__()
        self.layer = layer

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return vectors with their encodings appended."""
        chosen = tf.gather(X, self.layer.features, axis=1)
        bins = (chosen - tf.constant(self.layer.lows)) * tf.constant(self.layer.slopes)
        return tf.concat([X, tf.clip_by_value(bins, 0, 1)], axis=1)
