"""The book's SGD, and a recipe's optimizer as a Keras optimizer."""

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from hardmax.hyperparameters import HyperParameters
from hardmax.training.recipes import EPSILON, Recipe
from hardmax.training.updates import UpdatePlan

__all__ = ["SGD", "make"]


class SGD(HyperParameters):
    """Minibatch stochastic gradient descent on plain variables."""

    lr: float

    def __init__(self, lr: float):
        self.save_hyperparameters()

    def apply_gradients(self, grads_and_vars: Iterable[tuple[tf.Tensor, tf.Variable]]) -> None:
        """Subtract ``lr`` times its gradient from every variable."""
        for grad, param in grads_and_vars:
            param.assign_sub(self.lr * grad)


def make(
    recipe: Recipe, weights: Mapping[str, tf.Variable], plan: UpdatePlan
) -> tf.keras.optimizers.Optimizer:
    """Return the optimizer of a recipe for weights by portable name.

    See ``hardmax.training.recipes`` for the formulas.
    """
    if recipe == Recipe(recipe.rate, "sgd"):
        return tf.keras.optimizers.SGD(recipe.rate)
    return _Optimizer(recipe, weights, plan)


class _Schedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step, from a table."""

    def __init__(self, rates: np.ndarray):
        self.rates = rates

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.rates, tf.minimum(tf.cast(step, tf.int32), len(self.rates) - 1))


class _Optimizer(tf.keras.optimizers.Optimizer):
    """A recipe's optimizer.

    Keras's SGD, Adam and AdamW scale momentum by the learning rate, add epsilon elsewhere, and
    decay every weight.
    """

    def __init__(self, recipe: Recipe, weights: Mapping[str, tf.Variable], plan: UpdatePlan):
        rate = recipe.rate if recipe.is_constant else _Schedule(plan.rates)
        # Keras would name it by its class, but a graph's names cannot start with an underscore.
        super().__init__(rate, name="optimizer")
        self.recipe = recipe
        self.decay = _Schedule(plan.decays)
        self.plan = plan
        self.names = {id(weight): name for name, weight in weights.items()}
        self.factors: list[float] = []
        self.decaying: list[bool] = []
        self.means: list[tf.Variable] = []
        self.squares: list[tf.Variable] = []

    def build(self, variables: list[tf.Variable]) -> None:
        """Create the running means of every weight's gradients."""
        if self.built:
            return
        super().build(variables)
        names = [self.names[id(variable)] for variable in variables]
        self.factors = [self.plan.factors[name] for name in names]
        self.decaying = [name in self.plan.decaying for name in names]
        self.means = self.add_optimizer_variables(variables, "mean")
        if self.recipe.optimizer != "sgd":
            self.squares = self.add_optimizer_variables(variables, "square")

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Take a step on one weight."""
        index = self._get_variable_index(variable)
        rate = tf.cast(learning_rate, tf.float32) * self.factors[index]
        if self.recipe.weight_decay and self.decaying[index]:
            if self.recipe.is_decoupled:
                variable.assign_sub(self.decay(self.iterations) * variable)
            else:
                gradient = gradient + self.recipe.weight_decay * variable
        if self.recipe.optimizer == "sgd":
            mean = self.means[index]
            mean.assign(self.recipe.momentum * mean + gradient)
            variable.assign_sub(rate * mean)
        else:
            variable.assign_sub(rate * self._adam(gradient, index))

    def _adam(self, gradient: tf.Tensor, index: int) -> tf.Tensor:
        """Return Adam's step for a gradient, without the learning rate."""
        step = tf.cast(self.iterations + 1, tf.float32)
        first, second = self.recipe.betas
        unbiased = []
        for average, beta, value in (
            (self.means[index], first, gradient),
            (self.squares[index], second, tf.square(gradient)),
        ):
            average.assign(average + (1 - beta) * (value - average))
            # 1 - beta**step would lose digits.
            unbiased.append(average / -tf.math.expm1(step * np.log(beta)))
        return unbiased[0] / (tf.sqrt(unbiased[1]) + EPSILON)
