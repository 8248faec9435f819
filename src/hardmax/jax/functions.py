"""Plain functions of scores. The book's functional edition never came to JAX."""

import jax
from jax import numpy as jnp

__all__ = ["corr2d", "cross_entropy", "softmax"]


def softmax(X: jax.Array) -> jax.Array:
    """Return the softmax of each row of scores (examples, classes), whatever their size."""
    return jax.nn.softmax(X, axis=1)


def cross_entropy(y_hat: jax.Array, y: jax.Array, from_logits: bool = False) -> jax.Array:
    """Return -log of the probability of the right class, float of shape (examples,).

    ``y_hat``: probabilities of shape (examples, classes), or scores ``from_logits``, which keeps
    large scores exact; ``y``: integer labels of shape (examples,).
    """
    logs = jax.nn.log_softmax(y_hat, axis=1) if from_logits else jnp.log(y_hat)
    return -logs[jnp.arange(len(y)), y]


def corr2d(X: jax.Array, K: jax.Array) -> jax.Array:
    """Return the cross-correlation of a picture X (H, W) with a kernel K (h, w).

    Its shape is (H - h + 1, W - w + 1).
    """
    return jax.scipy.signal.correlate2d(X, K, mode="valid")
