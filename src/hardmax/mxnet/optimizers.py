"""The book's SGD, and a recipe's optimizer as a Gluon trainer."""

from collections.abc import Mapping, Sequence

import mxnet as mx
from mxnet import gluon, np

from hardmax.hyperparameters import HyperParameters
from hardmax.training.recipes import EPSILON, Recipe
from hardmax.training.updates import UpdatePlan

__all__ = ["SGD", "make"]


#: The running means of a weight's gradients and of their squares.
State = tuple[np.ndarray, np.ndarray]


class SGD(HyperParameters):
    """Minibatch stochastic gradient descent on a list of arrays."""

    params: Sequence[np.ndarray]
    lr: float

    def __init__(self, params: Sequence[np.ndarray], lr: float):
        self.save_hyperparameters()

    def step(self, _: int) -> None:
        """Subtract ``lr`` times its gradient from every array; the batch size is unused."""
        for param in self.params:
            param -= self.lr * param.grad


def make(recipe: Recipe, weights: Mapping[str, gluon.Parameter], plan: UpdatePlan) -> gluon.Trainer:
    """Return the optimizer of a recipe for weights by portable name.

    See ``hardmax.training.recipes`` for the formulas.
    """
    parameters = [*weights.values()]
    if recipe == Recipe(recipe.rate, "sgd"):
        return gluon.Trainer(parameters, "sgd", {"learning_rate": recipe.rate})
    return gluon.Trainer(parameters, _Optimizer(recipe, [*weights], plan))


class _Optimizer(mx.optimizer.Optimizer):
    """A recipe's optimizer; ``names`` are the portable names of its weights.

    MXNet's SGD and Adam scale momentum by the learning rate, add epsilon elsewhere, and decay every
    weight.
    """

    def __init__(self, recipe: Recipe, names: list[str], plan: UpdatePlan):
        super().__init__()
        self.recipe = recipe
        self.rates, self.decays = plan.rates.tolist(), plan.decays.tolist()
        self.factors = [plan.factors[name] for name in names]
        self.decaying = [name in plan.decaying for name in names]

    def create_state(self, index: int, weight: mx.nd.NDArray) -> State:
        """Return zeros, the running means before the first step."""
        zeros = np.zeros(weight.shape, ctx=weight.context)
        return zeros, zeros.copy()

    def update(self, index: int, weight: mx.nd.NDArray, grad: mx.nd.NDArray, state: State) -> None:
        """Take a step on one weight."""
        # MXNet passes both as arrays of its older type, which share their memory.
        weight, grad = weight.as_np_ndarray(), grad.as_np_ndarray()
        self._update_count(index)
        step = self._index_update_count[index]
        place = min(step, len(self.rates)) - 1
        rate = self.rates[place] * self.factors[index]
        if self.recipe.weight_decay and self.decaying[index]:
            if self.recipe.is_decoupled:
                weight -= self.decays[place] * weight
            else:
                grad = grad + self.recipe.weight_decay * weight
        if self.recipe.optimizer == "sgd":
            mean = state[0]
            mean *= self.recipe.momentum
            mean += grad
            weight -= rate * mean
        else:
            weight -= rate * _adam(grad, state, step, self.recipe.betas)


def _adam(grad: np.ndarray, state: State, step: int, betas: tuple[float, float]) -> np.ndarray:
    """Return Adam's step for a gradient, without the learning rate."""
    unbiased = []
    for average, beta, value in zip(state, betas, (grad, grad**2), strict=True):
        average += (1 - beta) * (value - average)
        unbiased.append(average / (1 - beta**step))
    return unbiased[0] / (np.sqrt(unbiased[1]) + EPSILON)
