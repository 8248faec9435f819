"""The layers that a pretrained network begins with: they take images."""

import jax
from jax import numpy as jnp

from hardmax.networks.interpolation import interpolation

__all__ = ["normalize", "resize"]


def resize(X: jax.Array, height: int, width: int) -> jax.Array:
    """Return images (examples, height, width, channels) of another size.

    See ``networks.interpolation``.
    """
    rows, columns = interpolation(X.shape[1], height), interpolation(X.shape[2], width)
    return jnp.einsum("ab,nbcd,ec->naed", rows, X, columns, precision="highest")


def normalize(X: jax.Array, mean: tuple[float, ...], std: tuple[float, ...]) -> jax.Array:
    """Return (x - mean) / std of images, with a mean and a std for each channel."""
    return (X - jnp.array(mean)) / jnp.array(std)
