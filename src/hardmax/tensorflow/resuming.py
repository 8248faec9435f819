"""What a fit in TensorFlow needs to go on: the state of its optimizer and its random numbers."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from hardmax.errors import ArgumentError, RunError
from hardmax.processes.group import Group
from hardmax.tensorflow.engine import Optimizer
from hardmax.tensorflow.layers import generator_states, separate_generators
from hardmax.tensorflow.module import Module
from hardmax.tensorflow.optimizers import SGD
from hardmax.training.checkpoint import widened
from hardmax.training.states import python_random, set_python_random

__all__ = ["STEP", "Trainer", "restore", "state_of"]

#: The state of a fit can be saved after any batch.
STEP = 1


class Trainer(Protocol):
    """The trainer, as far as its state is concerned."""

    model: Module
    optim: Optimizer

    @property
    def group(self) -> Group:
        """The processes that train together."""


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return the state of the optimizer and of the random numbers.

    Raises ArgumentError if the optimizer does not tell its state.
    """
    return {
        "optimizer": [widened(np.asarray(variable)) for variable in _variables(trainer.optim)],
        "generators": [np.asarray(state) for state in generator_states(trainer.model)],
        "random": python_random(),
    }


def restore(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Set the state that ``state_of`` returned, once the model has its weights.

    Raises RunError if it does not fit the optimizer.
    """
    for name, variables in (
        ("optimizer", _variables(trainer.optim)),
        ("generators", generator_states(trainer.model)),
    ):
        saved = state[name]
        if [tuple(v.shape) for v in variables] != [array.shape for array in saved]:
            raise RunError(
                f"the saved state does not fit the {name} of the fit, with "
                f"{len(variables)} variables, or others than its {len(saved)}; use the same model "
                "and optimizer"
            )
        for variable, array in zip(variables, saved, strict=True):
            variable.assign(array)
    separate_generators(trainer.model, trainer.group.place.rank)
    set_python_random(state["random"])


def _variables(optim: Optimizer) -> list[tf.Variable]:
    """Return the variables of an optimizer."""
    if isinstance(optim, SGD):
        return []
    if not hasattr(optim, "variables"):
        raise ArgumentError(
            f"the state of {type(optim).__name__} cannot be saved, because it has no variables; "
            "leave out resume, or give it an attribute variables, as Keras's optimizers have"
        )
    return [*optim.variables]
