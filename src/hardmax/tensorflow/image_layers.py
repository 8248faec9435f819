"""The layers that a pretrained network begins with: they take images."""

import tensorflow as tf

from hardmax.networks.interpolation import interpolation

__all__ = ["Normalize", "Resize"]


class Resize(tf.keras.layers.Layer):
    """Scales images to ``height`` x ``width`` pixels; see ``networks.interpolation``."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.size = height, width

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return images (examples, height, width, channels)."""
        rows, columns = (
            interpolation(source, target)
            for source, target in zip(X.shape[1:3], self.size, strict=True)
        )
        return tf.einsum("ab,nbcd,ec->naed", rows, X, columns)


class Normalize(tf.keras.layers.Layer):
    """Returns (x - mean) / std, with a mean and a std for each channel."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.mean, self.std = mean, std

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return normalized images (examples, height, width, channels)."""
        return (X - tf.constant(self.mean)) / tf.constant(self.std)
