"""What a fit in MXNet needs to go on: the state of its optimizer; its random numbers are seeded."""

from collections.abc import Mapping
from typing import Any, Protocol

import mxnet as mx
from mxnet import gluon, np

from hardmax.errors import ArgumentError, RunError
from hardmax.mxnet.engine import Optimizer
from hardmax.mxnet.optimizers import SGD
from hardmax.mxnet.seeds import STEP

__all__ = ["STEP", "Trainer", "restore", "state_of"]


class Trainer(Protocol):
    """The trainer, as far as its state is concerned."""

    optim: Optimizer
    run_device: mx.Context


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return the state of the optimizer.

    Raises ArgumentError if it is neither one of Gluon's trainers nor the book's.
    """
    optim = trainer.optim
    if isinstance(optim, SGD):
        return {}
    if not isinstance(optim, gluon.Trainer):
        raise ArgumentError(
            f"the state of {type(optim).__name__} cannot be saved; leave out resume, or use a "
            "gluon.Trainer"
        )
    # MXNet's own files of it are pickles, which may contain code.
    states = optim._updaters[0].states
    counts = optim._optimizer._index_update_count
    return {
        "kind": type(optim._optimizer).__name__,
        "states": [[index, _plain(state)] for index, state in states.items()],
        "counts": [[index, count] for index, count in counts.items()],
        "updates": optim._optimizer.num_update,
    }


def restore(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Set the state that ``state_of`` returned, once the model has its weights.

    Raises RunError if it does not fit the optimizer.
    """
    if not state:
        return
    optim = trainer.optim
    assert isinstance(optim, gluon.Trainer)  # the state of another class is that of another fit
    kind = type(optim._optimizer).__name__
    if kind != state["kind"]:
        raise RunError(
            f"the saved state is that of the optimizer {state['kind']}, not {kind}; use the same "
            "optimizer"
        )
    updater = optim._updaters[0]
    updater.states = {index: _native(one, trainer.run_device) for index, one in state["states"]}
    updater.states_synced = dict.fromkeys(updater.states, True)
    counts = optim._optimizer._index_update_count
    counts.clear()
    counts.update(map(tuple, state["counts"]))
    optim._optimizer.num_update = state["updates"]


def _plain(state: Any) -> Any:
    """Return the state of a weight, an array, several, or None, with NumPy arrays.

    ``is_old`` is whether one is of MXNet's older type, which most of its optimizers take.
    """
    if isinstance(state, tuple | list):
        return [*map(_plain, state)]
    if state is None:
        return None
    return {"array": state.asnumpy(), "is_old": not isinstance(state, np.ndarray)}


def _native(state: Any, device: mx.Context) -> Any:
    """Return the state of a weight from what ``_plain`` returned."""
    if isinstance(state, list):
        return tuple(_native(one, device) for one in state)
    if state is None:
        return None
    array = np.array(state["array"], dtype=state["array"].dtype, ctx=device)
    return array.as_nd_ndarray() if state["is_old"] else array
