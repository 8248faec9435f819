"""The task in JAX."""

from functools import cache

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.data.datasets import Images
from hardmax.jax import engine, program


def clear_caches() -> None:
    """Clear compiled code, so that every training starts as in a new process."""
    program.COMPILED.entries.clear()
    engine.CONVOLVES.entries.clear()
    jax.clear_caches()


@cache
def tensors(images: Images) -> tuple[jax.Array, jax.Array]:
    """Return images, uint8 (examples, height, width, channels), and labels, int32."""
    return jnp.array(images.images), jnp.array(images.labels.astype(np.int32))
