"""The book's Trainer in JAX, over the loop that all frameworks share."""

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
    """Fits a model to data; ``hardmax.training.trainer.Trainer`` tells of the arguments.

    ``state`` is the state of the model that is, or was last, fitted.
    """

    framework = "jax"
    engine = engine
    tensors = tensors
    key: Any = None
    #: While a fit lasts, what its models were found to do.
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

        A model that has weights goes on from them, unless there is a ``key`` of JAX's random
        numbers, from which new ones are made. Raises DivergenceError where the training loss
        becomes NaN or infinite.
        """
        self.key = key
        self.codes = {}
        try:
            super().fit(model, data)
        finally:
            self.codes = None
            model.training = False

    def prepare_optimizer(self) -> None:
        """Ask the model for its optimizer, once a fit, and make the state of the training."""
        super().prepare_optimizer()
        if self.key is not None or self.model.train_state is None:
            begin(self.model, self.train_dataloader, self.key)
        elif self.seed is not None:
            self.state = self.state.replace(dropout_rng=tensors.get_key())
        resting = self.model.train_state
        # The book's SGD returns the class of the empty state where its object is meant.
        empty = optax.EmptyState
        opt_state = jax.tree.map(
            lambda s: s() if s is empty else s, self.optim.init(resting.params)
        )
        started = resting.replace(step=0, tx=self.optim, opt_state=opt_state)
        self.state = jax.device_put(jax.tree.map(_strong, started), self.run_device)

    def prepare_judging(self, model: Any, loader: Any) -> None:
        """Put a model, with weights if it has none, and its batches onto the run's device."""
        if model.train_state is None:
            with tensors.seeded(self.seed, None):
                begin(model, loader, None)
        super().prepare_judging(model, loader)

    @step_hook
    def prepare_batch(self, batch: Any) -> tuple[jax.Array, ...]:
        """Return a batch's arrays on the run's device."""
        return jax.device_put(tuple(batch), self.run_device)

    @step_hook
    def fit_epoch(self) -> None:
        """Train for an epoch and validate: by the engine, or step by step by the hooks."""
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
        """Return gradients scaled so that their norm, of all together, is at most that value."""
        norm = jnp.sqrt(sum(jnp.sum(grad**2) for grad in jax.tree.leaves(grads)))
        scale = jnp.minimum(1.0, grad_clip_val / (norm + 1e-6))
        return jax.tree.map(lambda grad: grad * scale, grads)

    def get_weights(self, model: Any) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""
        return layers.get_weights(model)

    def set_weights(self, model: Any, weights: dict[str, np.ndarray]) -> None:
        """Give the model such weights. Raises RunError where they do not fit."""
        layers.set_weights(model, weights)


def begin(model: Any, loader: Any, key: Any) -> None:
    """Give a model starting weights for the inputs of ``loader``, from a key or a drawn one."""
    first = first_batch(loader)
    params_key, dropout_key = jax.random.split(tensors.get_key() if key is None else key)
    keys = {"params": params_key, "dropout": dropout_key}
    layers.set_variables(model, model.apply_init(first[:-1], key=keys), dropout_key)


def _strong(leaf: Any) -> jax.Array:
    """Return an array of a type of its own, not a weak one: a loop must give back what it took."""
    array = jnp.asarray(leaf)
    return jnp.asarray(leaf, array.dtype)
