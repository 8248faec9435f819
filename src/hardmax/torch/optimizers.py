"""The book's SGD, and a recipe's optimizer built from PyTorch's."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from hardmax.errors import ArgumentError
from hardmax.hyperparameters import HyperParameters
from hardmax.training.recipes import BETAS, EPSILON, Recipe

__all__ = ["SGD", "gradient", "make"]


class SGD(HyperParameters):
    """Minibatch stochastic gradient descent on a list of tensors."""

    params: Sequence[torch.Tensor]
    lr: float

    def __init__(self, params: Sequence[torch.Tensor], lr: float):
        self.save_hyperparameters()

    def step(self) -> None:
        """Subtract ``lr`` times its gradient from every tensor; call it without gradients."""
        for param in self.params:
            param -= self.lr * gradient(param)

    def zero_grad(self) -> None:
        """Set the gradients to zero."""
        for param in self.params:
            if param.grad is not None:
                param.grad.zero_()


def gradient(param: torch.Tensor) -> torch.Tensor:
    """Return a tensor's gradient. Raises ArgumentError if it has none."""
    if param.grad is None:
        raise ArgumentError(
            f"a parameter of shape {tuple(param.shape)} has no gradient; compute a loss from it "
            "and call backward() first"
        )
    return param.grad


def make(recipe: Recipe, model: nn.Module, rates: np.ndarray) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe; ``rates`` are the learning rates of its steps.

    See ``hardmax.training.recipes`` for the formulas; ``rates`` is float32 of shape (steps,).
    """
    groups = _groups([*model.parameters()], recipe.weight_decay)
    optim: torch.optim.Optimizer
    match recipe.optimizer:
        case "sgd":
            optim = torch.optim.SGD(groups, recipe.rate, recipe.momentum)
        case "adam":
            optim = torch.optim.Adam(groups, recipe.rate, BETAS, EPSILON)
        case "adamw":
            optim = torch.optim.AdamW(groups, recipe.rate, BETAS, EPSILON, weight_decay=0)
    if not recipe.is_constant:
        _schedule(optim, rates)
    return optim


def _groups(
    weights: list[nn.Parameter], decay: float
) -> list[dict[str, list[nn.Parameter] | float]]:
    """Return the weights with two or more axes, which decay, and the others as two groups."""
    if not decay:
        return [{"params": weights}]
    decaying = [weight for weight in weights if weight.ndim > 1]
    others = [weight for weight in weights if weight.ndim < 2]
    return [{"params": decaying, "weight_decay": decay}, {"params": others}]


def _schedule(optim: torch.optim.Optimizer, rates: np.ndarray) -> None:
    """Make every step of an optimizer use the next learning rate."""
    remaining = iter(rates.tolist())

    def take_next(*_: object) -> None:
        rate = next(remaining)
        for group in optim.param_groups:
            group["lr"] = rate

    optim.register_step_pre_hook(take_next)
