"""The book's SGD, and a recipe's optimizer built from Optax's."""

from typing import NamedTuple

import jax
import numpy as np
import optax
from jax import numpy as jnp

from hardmax.hyperparameters import HyperParameters
from hardmax.training.recipes import EPSILON, Recipe
from hardmax.training.updates import UpdatePlan

__all__ = ["SGD", "make"]


class SGD(HyperParameters):
    """Minibatch stochastic gradient descent, usable like an Optax transformation."""

    lr: float

    def __init__(self, lr: float):
        self.save_hyperparameters()

    def init(self, params: optax.Params) -> optax.EmptyState:
        """Return the optimizer's state, which is empty."""
        return optax.EmptyState()

    def update(
        self,
        updates: optax.Updates,
        state: optax.EmptyState,
        params: optax.Params | None = None,
    ) -> tuple[optax.Updates, optax.EmptyState]:
        """Return what to add to the parameters, ``-lr`` times their gradients, and the state."""
        return jax.tree.map(lambda grad: -self.lr * grad, updates), state

    def __call__(self) -> optax.GradientTransformation:
        """Return an equal Optax transformation."""
        return optax.GradientTransformation(self.init, self.update)


def make(
    recipe: Recipe, factors: optax.Params, decaying: optax.Params, plan: UpdatePlan
) -> optax.GradientTransformation:
    """Return the optimizer of a recipe.

    ``factors`` and ``decaying`` are those of ``plan``, as trees like the parameters: a float and a
    bool for each weight. See ``hardmax.training.recipes`` for the formulas.
    """
    momentum = [optax.trace(recipe.momentum)] * bool(recipe.momentum)
    steps = momentum if recipe.optimizer == "sgd" else [_adam(recipe.betas)]
    if recipe.optimizer == "adamw-ntk":
        return optax.chain(*steps, _scheduled(plan, factors, decaying))
    decay = [optax.add_decayed_weights(recipe.weight_decay, decaying)] * bool(recipe.weight_decay)
    constant = optax.scale_by_learning_rate(recipe.rate)
    rate = constant if recipe.is_constant else _scheduled(plan, factors, None)
    return optax.chain(*(steps + decay if recipe.is_decoupled else decay + steps), rate)


def _adam(betas: tuple[float, float]) -> optax.GradientTransformation:
    """Return Adam's step for gradients, without the learning rate.

    Optax computes 1 - 0.999**step in float32, with few correct digits in the first steps.
    """
    first, second = betas

    def update(
        updates: optax.Updates, state: optax.ScaleByAdamState, _: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.ScaleByAdamState]:
        count = state.count + 1
        mu = jax.tree.map(lambda m, g: m + (1 - first) * (g - m), state.mu, updates)
        nu = jax.tree.map(lambda n, g: n + (1 - second) * (g * g - n), state.nu, updates)
        mu_scale, nu_scale = (-jnp.expm1(count * np.log(beta, dtype=np.float32)) for beta in betas)
        steps = jax.tree.map(lambda m, n: m / mu_scale / (jnp.sqrt(n / nu_scale) + EPSILON), mu, nu)
        return steps, optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(optax.scale_by_adam().init, update)


class _Tables(NamedTuple):
    rates: jax.Array
    decays: jax.Array
    step: jax.Array


def _scheduled(
    plan: UpdatePlan, factors: optax.Params, decaying: optax.Params | None
) -> optax.GradientTransformation:
    """Return a transformation that applies each step's learning rate and weight decay.

    The tables are part of its state, not of its code, which serves other ones too. Without
    ``decaying`` no weight decays.
    """
    # Bytes, unlike arrays, show whether two optimizers are equal.
    rates, decays = plan.rates.tobytes(), plan.decays.tobytes()

    def init(_: optax.Params) -> _Tables:
        tables = [jnp.asarray(np.frombuffer(table, np.float32)) for table in (rates, decays)]
        return _Tables(tables[0], tables[1], jnp.zeros((), jnp.int32))

    def update(
        updates: optax.Updates, state: _Tables, params: optax.Params | None = None
    ) -> tuple[optax.Updates, _Tables]:
        rate, decay = state.rates[state.step], state.decays[state.step]
        updates = jax.tree.map(lambda u, factor: -rate * factor * u, updates, factors)
        if decaying is not None:
            updates = jax.tree.map(
                lambda u, w, decays: u - decay * w if decays else u, updates, params, decaying
            )
        return updates, state._replace(step=state.step + 1)

    return optax.GradientTransformation(init, update)
