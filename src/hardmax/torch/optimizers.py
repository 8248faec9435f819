"""The book's SGD, and a recipe's optimizer built from PyTorch's."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from hardmax.errors import ArgumentError
from hardmax.hyperparameters import HyperParameters
from hardmax.training.recipes import EPSILON, Recipe
from hardmax.training.updates import UpdatePlan

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


def make(
    recipe: Recipe, weights: Mapping[str, nn.Parameter], plan: UpdatePlan
) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe for weights by portable name.

    See ``hardmax.training.recipes`` for the formulas.
    """
    groups = _groups(weights, plan, recipe.weight_decay)
    optim: torch.optim.Optimizer
    match recipe.optimizer:
        case "sgd":
            optim = torch.optim.SGD(groups, recipe.rate, recipe.momentum)
        case "adam":
            optim = torch.optim.Adam(groups, recipe.rate, recipe.betas, EPSILON, fused=True)
        case _:
            optim = torch.optim.AdamW(groups, recipe.rate, recipe.betas, EPSILON, fused=True)
    if not recipe.is_constant:
        _schedule(optim, plan, recipe.is_decoupled)
    return optim


def _groups(
    weights: Mapping[str, nn.Parameter], plan: UpdatePlan, decay: float
) -> list[dict[str, Any]]:
    """Return the weights in groups that have the same factor and decay or do not."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, weight in weights.items():
        decays = decay > 0 and name in plan.decaying
        groups.setdefault((plan.factors[name], decays), []).append(weight)
    return [
        {
            "params": members,
            "lr": plan.rates[0] * factor,
            "weight_decay": decay / factor if decays else 0.0,
            "factor": factor,
            # In the group, so that the optimizer's state_dict has it.
            "steps": 0,
        }
        for (factor, decays), members in groups.items()
    ]


def _schedule(optim: torch.optim.Optimizer, plan: UpdatePlan, is_decoupled: bool) -> None:
    """Make every step of an optimizer use the next learning rate and weight decay."""
    pairs = [*zip(plan.rates.tolist(), plan.decays.tolist(), strict=True)]

    def take_next(*_: object) -> None:
        for group in optim.param_groups:
            rate, decay = pairs[min(group["steps"], len(pairs) - 1)]
            group["steps"] += 1
            group["lr"] = rate * group["factor"]
            if is_decoupled and group["weight_decay"]:
                # PyTorch multiplies it by the group's own learning rate.
                group["weight_decay"] = decay / group["lr"]

    optim.register_step_pre_hook(take_next)
