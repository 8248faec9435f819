"""The book's SGD, and a recipe's optimizer built from Optax's."""

from typing import NamedTuple

import jax
import numpy as np
import optax
from jax import numpy as jnp

from hardmax.hyperparameters import HyperParameters
from hardmax.training.recipes import BETAS, EPSILON, Recipe

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


def make(recipe: Recipe, rates: np.ndarray) -> optax.GradientTransformation:
    """Return the optimizer of a recipe; ``rates`` are the learning rates of its steps.

    See ``hardmax.training.recipes`` for the formulas; ``rates`` is float32 of shape (steps,).
    """
    decay = [optax.add_decayed_weights(recipe.weight_decay, _decaying)] * bool(recipe.weight_decay)
    adam = [_adam()]
    rate = optax.scale_by_learning_rate(recipe.rate) if recipe.is_constant else _schedule(rates)
    match recipe.optimizer:
        case "sgd":
            momentum = [optax.trace(recipe.momentum)] * bool(recipe.momentum)
            return optax.chain(*decay, *momentum, rate)
        case "adam":
            return optax.chain(*decay, *adam, rate)
    return optax.chain(*adam, *decay, rate)


def _decaying(weights: optax.Params) -> optax.Params:
    """Return which weights decay: those with two or more axes."""
    return jax.tree.map(lambda weight: weight.ndim > 1, weights)


def _adam() -> optax.GradientTransformation:
    """Return Adam's step for gradients, without the learning rate.

    Optax computes 1 - 0.999**step in float32, with few correct digits in the first steps.
    """
    first, second = BETAS

    def update(
        updates: optax.Updates, state: optax.ScaleByAdamState, _: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.ScaleByAdamState]:
        count = state.count + 1
        mu = jax.tree.map(lambda m, g: m + (1 - first) * (g - m), state.mu, updates)
        nu = jax.tree.map(lambda n, g: n + (1 - second) * (g * g - n), state.nu, updates)
        mu_scale, nu_scale = (-jnp.expm1(count * np.log(beta, dtype=np.float32)) for beta in BETAS)
        steps = jax.tree.map(lambda m, n: m / mu_scale / (jnp.sqrt(n / nu_scale) + EPSILON), mu, nu)
        return steps, optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(optax.scale_by_adam().init, update)


class _Schedule(NamedTuple):
    rates: jax.Array
    step: jax.Array


def _schedule(rates: np.ndarray) -> optax.GradientTransformation:
    """Return a transformation that scales each step's updates by the next learning rate.

    The rates are part of its state, not of its code, which serves other rates too.
    """
    # Bytes, unlike arrays, show whether two optimizers are equal.
    data = rates.tobytes()

    def init(_: optax.Params) -> _Schedule:
        return _Schedule(jnp.asarray(np.frombuffer(data, np.float32)), jnp.zeros((), jnp.int32))

    def update(
        updates: optax.Updates, state: _Schedule, _: optax.Params | None = None
    ) -> tuple[optax.Updates, _Schedule]:
        rate = state.rates[state.step]
        return jax.tree.map(lambda u: -rate * u, updates), state._replace(step=state.step + 1)

    return optax.GradientTransformation(init, update)
