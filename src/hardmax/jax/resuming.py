"""What a fit in JAX needs to go on: the state of its optimizer and its random numbers."""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import numpy as np
from jax import numpy as jnp

from hardmax.errors import RunError
from hardmax.jax.program import TrainState
from hardmax.jax.runtime import put
from hardmax.training.checkpoint import widened
from hardmax.training.states import python_random, set_python_random

__all__ = ["STEP", "Trainer", "restore", "state_of"]

#: The state of a fit can be saved after any batch.
STEP = 1


class Trainer(Protocol):
    """The trainer, as far as its state is concerned."""

    run_device: jax.Device
    state: TrainState


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return the state of the optimizer and of the random numbers."""
    state = trainer.state
    return {
        "optimizer": [*map(_array, jax.tree.leaves(state.opt_state))],
        "step": int(state.step),
        "dropout": _array(state.dropout_rng),
        "random": python_random(),
    }


def restore(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Set the state that ``state_of`` returned, once the model has its weights.

    Raises RunError if it does not fit the optimizer.
    """
    current = trainer.state
    leaves, structure = jax.tree.flatten(current.opt_state)
    saved = state["optimizer"]
    if [_array(leaf).shape for leaf in leaves] != [array.shape for array in saved]:
        raise RunError(
            "the saved state does not fit the optimizer, which has "
            f"{len(leaves)} arrays, or others than its {len(saved)}; use the same optimizer"
        )
    arrays = [*map(_like, leaves, saved)]
    restored = current.replace(
        opt_state=jax.tree.unflatten(structure, arrays),
        step=jnp.asarray(state["step"], jnp.result_type(current.step)),
        dropout_rng=_like(current.dropout_rng, state["dropout"]),
    )
    trainer.state = put(restored, trainer.run_device)
    set_python_random(state["random"])


def _array(leaf: jax.Array) -> np.ndarray:
    """Return an array that NumPy can save; those of types it lacks are float32."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return widened(np.asarray(leaf))


def _like(leaf: jax.Array, array: np.ndarray) -> jax.Array:
    """Return an array that ``_array`` returned, in the type of another one, as is a random key."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    return jnp.asarray(array, leaf.dtype)
