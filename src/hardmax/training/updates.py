"""What each step of a training does to each weight of a network, by portable name."""

from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, Self

import numpy as np

from hardmax.networks.layers import (
    Conv,
    Linear,
    Network,
    ParametricSELU,
    PeriodicEmbedding,
    Scale,
)
from hardmax.networks.shapes import STATISTICS, Place, Shape, walk
from hardmax.training.recipes import Recipe

__all__ = ["UpdatePlan", "factors"]


@dataclass(frozen=True)
class UpdatePlan:
    """The tables of the steps, and what differs between the weights.

    ``rates`` and ``decays`` are the learning rate and the share of a decaying weight to take away
    at each step, float32 of shape (steps,); further steps are like the last one. ``factors``
    multiply the learning rate, by portable name of a trained weight; ``decaying`` are the names of
    the weights that decay.
    """

    rates: np.ndarray
    decays: np.ndarray
    factors: dict[str, float]
    decaying: frozenset[str]

    @classmethod
    def of(cls, model: Any) -> Self:
        """Return the plan of the fit of a model that is built from an architecture.

        An incremental one has one step, like which are all.
        """
        recipe, network, shape = model.recipe, model.network, model.example_shape
        trainer = model.trainer
        steps = (trainer.num_train_batches, trainer.max_epochs)
        if trainer.is_incremental:
            steps = (1, 1)
        return cls(
            recipe.rates(*steps),
            recipe.decays(*steps),
            factors(recipe, network, shape),
            frozenset(
                f"{place.name}.weight"
                for place in walk(network, shape)
                if isinstance(place.layer, Linear | Conv)
            ),
        )


def factors(recipe: Recipe, network: Network, input_shape: Shape) -> dict[str, float]:
    """Return the factor of the learning rate of each trained weight, by portable name.

    1, except with the optimizer ``adamw-ntk``: there it is 1 / sqrt(inputs) for the weights of
    Linear and Conv layers, 0.1 for biases, for ParametricSELU and for PeriodicEmbedding, and 6 for
    Scale. With Adam, whose steps do not depend on the scale of the gradients, the factor
    1 / sqrt(inputs) is the same as the neural tangent parametrization, which instead divides the
    output of the layer by sqrt(inputs).
    """
    return {
        f"{place.name}.{kind}": _ntk_factor(place, kind) if recipe.optimizer == "adamw-ntk" else 1.0
        for place in walk(network, input_shape)
        for kind in place.weights
        if kind not in STATISTICS
    }


def _ntk_factor(place: Place, kind: str) -> float:
    match place.layer:
        case Linear() | Conv() if kind == "weight":
            return 1 / sqrt(prod(place.weights[kind][1:]))
        case Scale():
            return 6.0
        case PeriodicEmbedding() | ParametricSELU():
            return 0.1
    return 0.1 if kind == "bias" else 1.0
