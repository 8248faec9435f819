"""Plain functions of arrays. The book's functional edition does not cover JAX."""

import jax
from jax import numpy as jnp

from hardmax.training.labels import check_pair

__all__ = ["corr2d", "cross_entropy", "softmax"]


def softmax(X: jax.Array) -> jax.Array:
    """Return the softmax of each row of scores (examples, classes), stable for large scores."""
    return jax.nn.softmax(X, axis=1)


def cross_entropy(y_hat: jax.Array, y: jax.Array, from_logits: bool = False) -> jax.Array:
    """Return the negative log-probability of the true class, float of shape (examples,).

    ``y_hat``: probabilities of shape (examples, classes), or scores if ``from_logits``, which is
    exact for large scores; ``y``: integer labels of shape (examples,) or (examples, 1).
    Raises ArgumentError if they are not from 0 to classes - 1.
    """
    check_pair(y_hat, y, not isinstance(y, jax.core.Tracer))
    y = y.reshape(-1).astype(jnp.int32)
    logs = jax.nn.log_softmax(y_hat, axis=1) if from_logits else jnp.log(y_hat)
    return -logs[jnp.arange(len(y)), y]


def corr2d(X: jax.Array, K: jax.Array) -> jax.Array:
    """Return the cross-correlation of an image X (H, W) and a kernel K (h, w).

    The result has shape (H - h + 1, W - w + 1).
    """
    return jax.scipy.signal.correlate2d(X, K, mode="valid")
