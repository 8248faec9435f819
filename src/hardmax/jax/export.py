"""Networks as exported functions of JAX: .stablehlo files."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax import export
from jax import numpy as jnp

from hardmax.errors import ExportError
from hardmax.jax.module import Module
from hardmax.jax.program import state_of

__all__ = ["IS_FOLDER", "SUFFIX", "load", "save"]

SUFFIX, IS_FOLDER = ".stablehlo", False

#: The devices that files are for.
PLATFORMS = ("cpu", "cuda", "tpu")

#: The option that says how many lines of code an operation is traced back to, with their paths.
LINES = "jax_traceback_in_locations_limit"


def save(model: Module, shape: tuple[int, ...], path: Path, metadata: str) -> None:
    """Save a model that is built from an architecture, for evaluation without hardmax.

    It takes batches of any number of examples: images are float32 (examples, height, width,
    channels), where ``shape`` is (height, width, channels). The file has no room for ``metadata``.
    Raises OSError if it cannot be written, and ExportError if flatbuffers is not installed.
    """
    model.training = False
    state = state_of(model)

    def scores(X: jax.Array) -> jax.Array:
        return model.outputs(state.params, (X,), state)[0]

    examples = export.symbolic_shape("examples")
    batch = jax.ShapeDtypeStruct((*examples, *shape), jnp.float32)
    before = getattr(jax.config, LINES)
    jax.config.update(LINES, 0)
    try:
        exported = export.export(jax.jit(scores), platforms=PLATFORMS)(batch)
        content = exported.serialize()
    except ImportError as error:
        raise ExportError(
            "files of JAX require flatbuffers, which is not installed; install it with: "
            "pip install 'hardmax[export]'"
        ) from error
    finally:
        jax.config.update(LINES, before)
    path.write_bytes(content)


def load(path: Path) -> Callable[[jax.Array], np.ndarray]:
    """Return the function that ``save`` wrote: from a batch to scores as a NumPy array."""
    scores = jax.jit(export.deserialize(bytearray(path.read_bytes())).call)
    return lambda X: np.asarray(scores(X))
