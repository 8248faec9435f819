"""The book's Trainer in JAX, on top of the loop that all frameworks share."""

from typing import Any

import jax
import numpy as np
import optax
from jax import numpy as jnp

from hardmax.jax import engine, layers, tensors
from hardmax.training import trainer
from hardmax.training.dispatch import step_hook
from hardmax.training.loaders import first_batch

__all__ = ["Trainer"]


class Trainer(trainer.Trainer):
    """Fits a model to data; see ``hardmax.training.trainer.Trainer`` for the arguments.

    ``state`` is the state of the model that is being fitted, or was fitted last.
    """

    framework = "jax"
    engine = engine
    tensors = tensors
    key: Any = None
    #: During a fit, the keys of the code of its models.
    codes: dict[Any, Any] | None = None

    @property
    def state(self) -> engine.TrainState:
        """The model's state: ``params``, ``batch_stats``, ``dropout_rng`` and the optimizer's."""
        return self.model.train_state

    @state.setter
    def state(self, state: engine.TrainState) -> None:
        self.model.train_state = state

    def fit(self, model: Any, data: Any, key: Any = None) -> None:
        """Train ``model`` on ``data`` for at most ``max_epochs``.

        A model that has weights continues from them, unless ``key``, a JAX random key, is given to
        draw new ones from. Raises DivergenceError if the training loss becomes NaN or infinite.
        """
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
            self.state = self.state.replace(dropout_rng=tensors.get_key())
        initial = self.model.train_state
        # The book's SGD returns the class of the empty state instead of an instance.
        empty = optax.EmptyState
        opt_state = jax.tree.map(
            lambda s: s() if s is empty else s, self.optim.init(initial.params)
        )
        started = initial.replace(step=0, tx=self.optim, opt_state=opt_state)
        self.state = jax.device_put(jax.tree.map(_strong, started), self.run_device)

    def prepare_evaluation(self, model: Any, loader: Any) -> None:
        """Initialize a model without weights, and put it and its batches on the run's device."""
        if model.train_state is None:
            with tensors.seeded(self.seed, None):
                initialize(model, loader, None)
        super().prepare_evaluation(model, loader)

    @step_hook
    def prepare_batch(self, batch: Any) -> tuple[jax.Array, ...]:
        """Return a batch's arrays on the run's device."""
        return jax.device_put(tuple(batch), self.run_device)

    @step_hook
    def fit_epoch(self) -> None:
        """Train for an epoch and validate, on the fast path or step by step through the hooks."""
        if self.uses_engine:
            self.engine_epoch()
            return
        self.model.training = True
        for batch in self.train_dataloader:
            self.examples = len(batch[-1])
            value, grads = self.model.training_step(
                self.state.params, self.prepare_batch(batch), self.state
            )
            aux = value[1] if isinstance(value, tuple) else {}
            self.state = engine.update(self, grads, aux)
            self.train_batch_idx += 1
        if self.val_dataloader is None:
            return
        self.model.training = False
        for batch in self.val_dataloader:
            self.examples = len(batch[-1])
            self.model.validation_step(self.state.params, self.prepare_batch(batch), self.state)
            self.val_batch_idx += 1

    def clip_gradients(self, grad_clip_val: float, grads: Any) -> Any:
        """Return gradients scaled so that their global norm is at most ``grad_clip_val``."""
        norm = jnp.sqrt(sum(jnp.sum(grad**2) for grad in jax.tree.leaves(grads)))
        scale = jnp.minimum(1.0, grad_clip_val / (norm + 1e-6))
        return jax.tree.map(lambda grad: grad * scale, grads)

    def get_weights(self, model: Any) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""
        return layers.get_weights(model)

    def set_weights(self, model: Any, weights: dict[str, np.ndarray]) -> None:
        """Set the model's weights. Raises RunError if they do not fit."""
        layers.set_weights(model, weights)


def initialize(model: Any, loader: Any, key: Any) -> None:
    """Set a model's initial weights for the inputs of ``loader``, from ``key`` or a new key."""
    first = first_batch(loader)
    params_key, dropout_key = jax.random.split(tensors.get_key() if key is None else key)
    keys = {"params": params_key, "dropout": dropout_key}
    layers.set_variables(model, model.apply_init(first[:-1], key=keys), dropout_key)


def _strong(leaf: Any) -> jax.Array:
    """Return an array without JAX's weak type, because a loop must return the types it takes."""
    array = jnp.asarray(leaf)
    return jnp.asarray(leaf, array.dtype)
