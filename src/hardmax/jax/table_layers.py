"""The layers of networks for tables: they take vectors (examples, features)."""

import jax
from flax import linen as nn
from jax import numpy as jnp

from hardmax.networks import table_layers

__all__ = ["ParametricSELU", "PeriodicEmbedding", "PiecewiseLinear", "Scale"]


class Scale(nn.Module):
    """Multiplies each feature of a vector by a weight."""

    @nn.compact
    def __call__(self, X: jax.Array) -> jax.Array:
        """Return the scaled vectors."""
        return X * self.param("weight", nn.initializers.ones, X.shape[1:])


class ParametricSELU(nn.Module):
    """Returns (1 - a) x + a selu(x), with a weight a for each feature."""

    @nn.compact
    def __call__(self, X: jax.Array) -> jax.Array:
        """Return the activations of vectors."""
        return X + self.param("weight", nn.initializers.ones, X.shape[1:]) * (nn.selu(X) - X)


class PeriodicEmbedding(nn.Module):
    """Appends periodic functions of each feature to a vector."""

    frequencies: int
    functions: int
    features: tuple[int, ...] | None

    @nn.compact
    def __call__(self, X: jax.Array) -> jax.Array:
        """Return vectors with their functions appended."""
        columns = X if self.features is None else X[:, jnp.array(self.features)]
        features = columns.shape[1]
        normal, waves = nn.initializers.normal(), (features, self.frequencies)
        frequency, phase = (
            self.param("frequency", normal, waves),
            self.param("phase", normal, waves),
        )
        weight = self.param("weight", normal, (features, self.functions, self.frequencies))
        bias = self.param("bias", nn.initializers.zeros, (features, self.functions))
        angles = columns[:, :, None] * (2 * jnp.pi * frequency) + phase
        functions = jnp.einsum("nfk,fok->nfo", jnp.cos(angles), weight) + bias
        return jnp.concatenate([X, functions.reshape(X.shape[0], -1)], axis=1)


class PiecewiseLinear(nn.Module):
    """Appends the piecewise linear encoding of features to a vector."""

    layer: table_layers.PiecewiseLinear

    def __call__(self, X: jax.Array) -> jax.Array:
        """Return vectors with their encodings appended."""
        lows, slopes = jnp.array(self.layer.lows), jnp.array(self.layer.slopes)
        bins = (X[:, jnp.array(self.layer.features)] - lows) * slopes
        return jnp.concatenate([X, jnp.clip(bins, 0, 1)], axis=1)
