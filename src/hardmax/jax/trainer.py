"""The book's Trainer in JAX, on top of the loop that all frameworks share."""

from collections.abc import Hashable, Sequence

import jax
import optax
from jax import numpy as jnp
from jax.typing import ArrayLike

from hardmax.errors import ArgumentError
from hardmax.jax import engine, export, layers, processes, resuming, runtime
from hardmax.jax.module import Module
from hardmax.jax.program import TrainState, state_of
from hardmax.jax.tensors import get_key
from hardmax.training import trainer
from hardmax.training.contracts import (
    Batches,
    DataModule,
    Engine,
    Exporter,
    Layers,
    Processes,
    Resuming,
    Runtime,
)
from hardmax.training.dispatch import step_hook
from hardmax.training.loaders import first_batch

__all__ = ["Trainer"]


class Trainer(trainer.Trainer[Module, jax.Array]):
    """Fits a model to data, with the arguments of its base class.

    ``state`` is the state of the model that is being fitted, or was fitted last.
    """

    framework = "jax"
    engine: Engine["Trainer", Module, jax.Array] = engine
    export: Exporter[Module, jax.Array] = export
    layers: Layers[Module] = layers
    processes: Processes["Trainer"] = processes
    resuming: Resuming["Trainer"] = resuming
    runtime: Runtime[Module, jax.Device] = runtime
    optim: optax.GradientTransformation
    run_device: jax.Device
    key: jax.Array | None = None
    #: During a fit, the keys of the code of its models.
    codes: dict[Hashable, tuple[Hashable, object]] | None = None

    @property
    def state(self) -> TrainState:
        """The model's state: ``params``, ``batch_stats``, ``dropout_rng`` and the optimizer's."""
        return state_of(self.model)

    @state.setter
    def state(self, state: TrainState) -> None:
        self.model.train_state = state

    def fit(self, model: Module, data: DataModule[jax.Array], key: jax.Array | None = None) -> None:
        """Train ``model`` on ``data`` for at most ``max_epochs``.

        A model that has weights continues from them, unless ``key``, a JAX random key, is given to
        draw new ones from; a model of ``auto`` draws them from its seed. Raises the errors of the
        shared trainer.
        """
        if key is not None and self.plan is not None and model is self.plan.model:
            raise ArgumentError(
                "the weights of a model of auto are drawn from its seed; leave out key, and give a "
                "seed to auto"
            )
        self.key = key
        self.codes = {}
        try:
            super().fit(model, data)
        finally:
            self.codes = None
            model.training = False

    def prepare_optimizer(self) -> None:
        """Get the model's optimizer, once per fit, and create the training state."""
        super().prepare_optimizer()
        if self.key is not None or self.model.train_state is None:
            initialize(self.model, self.train_dataloader, self.key)
        elif self.seed is not None:
            self.state = self.state.replace(dropout_rng=get_key())
        initial = self.state
        # The book's SGD returns the class of the empty state instead of an instance.
        empty = optax.EmptyState
        opt_state = jax.tree.map(
            lambda s: s() if s is empty else s, self.optim.init(initial.params)
        )
        started = initial.replace(step=0, tx=self.optim, opt_state=opt_state)
        self.state = runtime.put(jax.tree.map(_strong, started), self.run_device)

    def prepare_evaluation(self, model: Module, loader: Batches[jax.Array]) -> None:
        """Initialize a model without weights, and put it and its batches on the run's device."""
        if model.train_state is None:
            with runtime.seeded(self.seed, None):
                initialize(model, loader, None)
        super().prepare_evaluation(model, loader)

    @step_hook
    def prepare_batch(self, batch: Sequence[jax.Array]) -> tuple[jax.Array, ...]:
        """Return a batch's arrays on the run's device."""
        return runtime.put(tuple(batch), self.run_device)

    def train_on(self, batch: Sequence[jax.Array]) -> None:
        """Take an optimizer step on a batch, through the hooks."""
        batch = self.prepare_batch(batch)
        engine.check_labels(self, batch)
        value, grads = self.model.training_step(self.state.params, batch, self.state)
        self.state = engine.update(self, grads, value[1] if isinstance(value, tuple) else {})

    def validate_on(self, batch: Sequence[jax.Array]) -> None:
        """Take the model's validation step on a batch, through the hooks."""
        batch = self.prepare_batch(batch)
        engine.check_labels(self, batch)
        self.model.validation_step(self.state.params, batch, self.state)

    def clip_gradients(self, grad_clip_val: float, grads: optax.Updates) -> optax.Updates:
        """Return gradients scaled so that their global norm is at most ``grad_clip_val``."""
        norm = jnp.sqrt(sum(jnp.sum(grad**2) for grad in jax.tree.leaves(grads)))
        scale = jnp.minimum(1.0, grad_clip_val / (norm + 1e-6))
        return jax.tree.map(lambda grad: grad * scale, grads)


def initialize(model: Module, loader: Batches[jax.Array], key: jax.Array | None) -> None:
    """Set a model's initial weights for the inputs of ``loader``, from ``key`` or a new key."""
    first = first_batch(loader)
    params_key, dropout_key = jax.random.split(get_key() if key is None else key)
    keys = {"params": params_key, "dropout": dropout_key}
    layers.set_variables(model, model.apply_init(first[:-1], key=keys), dropout_key)


def _strong(leaf: ArrayLike) -> jax.Array:
    """Return an array without JAX's weak type, because a loop must return the types it takes."""
    array = jnp.asarray(leaf)
    return jnp.asarray(leaf, array.dtype)
