"""What a fit in PyTorch needs to go on: the state of its optimizer and its random numbers."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch

from hardmax.errors import ArgumentError, RunError
from hardmax.torch.engine import Optimizer
from hardmax.torch.layers import as_array
from hardmax.torch.module import Module
from hardmax.torch.optimizers import SGD
from hardmax.torch.processes import diverge_random_numbers
from hardmax.training.contracts import Batches
from hardmax.training.loaders import first_batch

__all__ = ["STEP", "Trainer", "restore", "state_of"]

#: The state of a fit can be saved after any batch.
STEP = 1


class Trainer(Protocol):
    """The trainer, as far as its state is concerned."""

    model: Module
    optim: Optimizer
    run_device: torch.device
    train_dataloader: Batches[torch.Tensor]
    has_chosen_threads: bool

    def choose_threads(self, model: Module, X: torch.Tensor) -> None:
        """Run all further batches like ``X`` on one thread if they are small."""


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return the state of the optimizer and of the random numbers.

    Raises ArgumentError if the optimizer does not tell its state.
    """
    random = {"cpu": torch.get_rng_state().numpy()}
    device = trainer.run_device
    if device.type != "cpu":
        random[device.type] = _module(device).get_rng_state(*_index(device)).numpy()
    return {
        "random": random,
        "optimizer": _optimizer_state(trainer.optim),
        "has_chosen_threads": trainer.has_chosen_threads,
    }


def _optimizer_state(optim: Optimizer) -> Any:
    if isinstance(optim, SGD):
        return None
    if not hasattr(optim, "state_dict"):
        raise ArgumentError(
            f"the state of {type(optim).__name__} cannot be saved, because it has no state_dict(); "
            "leave out resume, or give it state_dict() and load_state_dict(), as PyTorch's "
            "optimizers have"
        )
    return _plain(optim.state_dict())


def restore(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Set the state that ``state_of`` returned, once the model has its weights.

    Raises RunError if it does not fit the optimizer.
    """
    # An undisturbed fit chooses after its first batch, unless its epochs are the user's own.
    if state["has_chosen_threads"]:
        trainer.choose_threads(trainer.model, first_batch(trainer.train_dataloader)[0])
    if state["optimizer"] is not None:
        try:
            trainer.optim.load_state_dict(_native(state["optimizer"]))  # type: ignore[attr-defined]
        except ValueError as error:
            raise RunError(
                f"the saved state does not fit the optimizer: {error}; use the same optimizer"
            ) from error
        if isinstance(trainer.optim, torch.optim.Optimizer):
            _lay_out(trainer.optim)
    random, device = state["random"], trainer.run_device
    torch.set_rng_state(torch.from_numpy(random["cpu"]))
    # A fit may go on on another kind of device, if not with the same bits.
    if device.type != "cpu" and device.type in random:
        numbers = torch.from_numpy(random[device.type])
        _module(device).set_rng_state(numbers, *_index(device))
    diverge_random_numbers()


def _module(device: torch.device) -> Any:
    """Return the module of a kind of device, such as ``torch.cuda``."""
    return getattr(torch, device.type)


def _index(device: torch.device) -> tuple[torch.device, ...]:
    """Return the arguments that name one of several devices; ``torch.mps`` has only one."""
    return () if device.type == "mps" else (device,)


def _lay_out(optim: torch.optim.Optimizer) -> None:
    """Order the state of each weight in memory like the weight, as fused optimizers assume it is.

    The weights of convolutions have their channels last.
    """
    for weight, values in optim.state.items():
        for name, value in values.items():
            if torch.is_tensor(value) and value.shape == weight.shape:
                values[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _plain(value: Any) -> Any:
    """Return a state with its tensors as NumPy arrays, and pairs for dicts with other keys."""
    match value:
        case torch.Tensor():
            return as_array(value)
        case dict() if all(isinstance(key, str) for key in value):
            return {key: _plain(one) for key, one in value.items()}
        case dict():
            return {PAIRS: [[key, _plain(one)] for key, one in value.items()]}
        case list() | tuple():
            return [*map(_plain, value)]
    return value


#: The key of the pairs that stand for a dict whose keys are not all texts.
PAIRS = "pairs"


def _native(value: Any) -> Any:
    """Return a state from what ``_plain`` returned."""
    match value:
        case np.ndarray():
            return torch.from_numpy(value)
        case dict() if value.keys() == {PAIRS}:
            return {key: _native(one) for key, one in value[PAIRS]}
        case dict():
            return {key: _native(one) for key, one in value.items()}
        case list():
            return [*map(_native, value)]
    return value
