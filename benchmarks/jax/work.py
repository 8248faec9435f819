"""The task in JAX's terms."""

from functools import cache

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.data.datasets import Pictures
from hardmax.jax import engine


def forget() -> None:
    """Forget what was compiled, so that every training begins as in a new process."""
    engine.COMPILED.clear()
    jax.clear_caches()


@cache
def tensors(pictures: Pictures) -> tuple[jax.Array, jax.Array]:
    """Return images, uint8 (examples, height, width, channels), and labels, int32."""
    return jnp.array(pictures.images), jnp.array(pictures.labels.astype(np.int32))
