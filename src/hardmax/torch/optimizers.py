"""The book's SGD, and a recipe's optimizer built from PyTorch's."""

from typing import Any

import numpy as np
import torch

from hardmax.hyperparameters import HyperParameters
from hardmax.training.recipes import BETAS, EPSILON, Recipe

__all__ = ["SGD", "make"]


class SGD(HyperParameters):
    """Minibatch stochastic gradient descent on a list of tensors."""

    params: list[Any]
    lr: float

    def __init__(self, params: list[torch.Tensor], lr: float):
        self.save_hyperparameters()

    def step(self) -> None:
        """Subtract ``lr`` times its gradient from every tensor; call it without gradients."""
        for param in self.params:
            param -= self.lr * param.grad

    def zero_grad(self) -> None:
        """Set the gradients to zero."""
        for param in self.params:
            if param.grad is not None:
                param.grad.zero_()


def make(recipe: Recipe, model: Any, rates: np.ndarray) -> torch.optim.Optimizer:
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


def _groups(weights: list[torch.Tensor], decay: float) -> list[dict[str, Any]]:
    """Return the weights with two or more axes, which decay, and the others as two groups."""
    if not decay:
        return [{"params": weights}]
    decaying = [weight for weight in weights if weight.ndim > 1]
    others = [weight for weight in weights if weight.ndim < 2]
    return [{"params": decaying, "weight_decay": decay}, {"params": others}]


def _schedule(optim: torch.optim.Optimizer, rates: np.ndarray) -> None:
    """Make every step of an optimizer use the next learning rate."""
    remaining = iter(rates.tolist())

    def take_next(*_: Any) -> None:
        rate = next(remaining)
        for group in optim.param_groups:
            group["lr"] = rate

    optim.register_step_pre_hook(take_next)
