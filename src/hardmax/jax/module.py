"""The base classes of models: Module and Classifier."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

import jax
import optax
from flax import linen as nn
from jax import numpy as jnp

from hardmax.jax import engine
from hardmax.jax.program import Batch, Model, TrainState, Value
from hardmax.jax.runtime import put
from hardmax.jax.tensors import get_key
from hardmax.plotting.board import ProgressBoard
from hardmax.training import module
from hardmax.training.dispatch import step_hook
from hardmax.training.labels import check_batch, check_shape

__all__ = ["Classifier", "Module", "nn_Module"]


#: What ``loss`` returns beside the loss: BatchNorm's new statistics.
Aux: TypeAlias = Mapping[str, optax.Params]
#: A JAX random key, or a dict of such keys by Flax's names.
Keys: TypeAlias = jax.Array | dict[str, jax.Array]


class nn_Module(nn.Module):  # noqa: N801
    """Flax's Module that also accepts attributes from outside, such as its trainer and its mode."""

    @nn.nowrap
    def __setattr__(self, name: str, value: Any) -> None:
        if self._state.is_initialized and self.scope is None:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)


class _Stateful:
    """What a model keeps beside its settings; in a Flax class these would become fields.

    ``train_state`` is its state after training, with the parameters; None before there are any.
    """

    train_state: TrainState | None = None
    training: bool


class Module(nn_Module, _Stateful, module.Module[jax.Array]):
    """A network, its loss and its optimizer.

    ``train_state`` is its state after training, with the parameters; None before there are any.
    """

    plot_train_per_epoch: int = field(default=2, init=False)
    plot_valid_per_epoch: int = field(default=1, init=False)
    board: ProgressBoard = field(
        default_factory=ProgressBoard, init=False, compare=False, repr=False
    )

    def forward(self, X: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
        """Return the output of ``self.net``; a subclass without ``net`` overrides this."""
        if not hasattr(self, "net"):
            raise NotImplementedError(
                f"{type(self).__name__} must set self.net in setup() or define forward(X)"
            )
        return self.net(X, *args, **kwargs)

    def __call__(self, X: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
        """Return ``forward(X)``."""
        return self.forward(X, *args, **kwargs)

    @nn.nowrap
    def outputs(self, params: optax.Params, X: Batch, state: TrainState) -> tuple[jax.Array, Aux]:
        """Return the outputs for the inputs ``X``, a tuple, and BatchNorm's new statistics."""
        stats = {"batch_stats": state.batch_stats} if state.batch_stats else {}
        rngs = {"dropout": state.dropout_rng}
        return state.apply_fn({"params": params, **stats}, *X, mutable=["batch_stats"], rngs=rngs)

    @step_hook
    @nn.nowrap
    def training_step(
        self, params: optax.Params, batch: Sequence[jax.Array], state: TrainState
    ) -> tuple[Value, optax.Updates]:
        """Plot the mean loss of a batch (inputs..., labels); return it and its gradients.

        The first of the two is what ``loss`` returns: a loss, or (loss, aux).
        """
        self._count(batch)
        state = state.replace(params=params)
        value, grads = engine.applied(engine.gradients, self, state, tuple(batch))
        self.plot("loss", value[0] if isinstance(value, tuple) else value, train=True)
        return value, grads

    @step_hook
    @nn.nowrap
    def validation_step(
        self, params: optax.Params, batch: Sequence[jax.Array], state: TrainState
    ) -> None:
        """Plot the mean loss of a batch (inputs..., labels)."""
        self._count(batch)
        state = state.replace(params=params)
        value = engine.applied(_loss, self, state, tuple(batch))
        self.plot("loss", value[0] if isinstance(value, tuple) else value, train=False)

    @nn.nowrap
    def configure_optimizers(self) -> object:
        """Return plain SGD with the learning rate ``self.lr``."""
        return optax.sgd(self.lr)

    @nn.nowrap
    def apply_init(self, dummy_input: Sequence[jax.Array], key: Keys) -> Mapping[str, optax.Params]:
        """Return initial variables for inputs like ``dummy_input``, a tuple of arrays.

        ``key`` is a JAX random key, or a dict of such keys by Flax's names.
        """
        return self.init(key, *dummy_input)

    @nn.nowrap
    def to(self, device: jax.Device) -> "Module":
        """Move the weights to a device."""
        if self.train_state is not None:
            self.train_state = put(self.train_state, device)
        return self


def _loss(model: Model, state: TrainState, batch: Batch) -> Value:
    return model.loss(state.params, batch[:-1], batch[-1], state)


class Classifier(Module):
    """A module whose outputs are scores, one per class; the highest score is the prediction."""

    @step_hook
    @nn.nowrap
    def validation_step(
        self, params: optax.Params, batch: Sequence[jax.Array], state: TrainState
    ) -> None:
        """Plot the mean loss and the accuracy of a batch (inputs..., labels)."""
        super().validation_step(params, batch, state)
        self.plot("acc", self.accuracy(params, tuple(batch[:-1]), batch[-1], state), train=False)

    @step_hook
    @nn.nowrap
    def loss(
        self, params: optax.Params, X: Batch, Y: jax.Array, state: TrainState, averaged: bool = True
    ) -> tuple[jax.Array, Aux]:
        """Return the cross-entropy of the scores for labels (...), and BatchNorm's statistics.

        ``X`` is a tuple of inputs, for which the network returns scores (..., classes).
        ``averaged``: the mean over all labels; otherwise one loss per label, float of shape
        (labels,).
        """
        Y_hat, updates = self.outputs(params, X, state)
        losses = self.cross_entropy(Y_hat, Y)
        return (losses.mean() if averaged else losses), updates

    @nn.nowrap
    def cross_entropy(self, Y_hat: jax.Array, Y: jax.Array) -> jax.Array:
        """Return the loss of each label, (labels,), by scores (..., classes) for labels (...)."""
        check_batch(self, self.loss, Y_hat, Y, not isinstance(Y, jax.core.Tracer))
        return optax.softmax_cross_entropy_with_integer_labels(
            Y_hat.reshape(-1, Y_hat.shape[-1]), Y.reshape(-1).astype(jnp.int32)
        )

    @step_hook
    @nn.nowrap
    def accuracy(
        self, params: optax.Params, X: Batch, Y: jax.Array, state: TrainState, averaged: bool = True
    ) -> jax.Array:
        """Return the accuracy of the scores for labels (...), compiled.

        ``X`` is a tuple of inputs, for which the network returns scores (..., classes).
        ``averaged``: the mean over all labels; otherwise 1 for each correct prediction and 0 for
        the others, float32 of shape (labels,).
        """
        state = state.replace(params=params)
        correct = engine.applied(_correct, self, state, tuple(X), Y)
        engine.check_call(self, state, (*X, Y))
        return correct.mean() if averaged else correct

    @nn.nowrap
    def layer_summary(self, X_shape: tuple[int, ...], key: jax.Array | None = None) -> None:
        """Print the output shape of every layer of ``self.net`` for inputs of ``X_shape``.

        Draws temporary weights from ``key``; the model is unchanged.
        """
        X = jnp.zeros(X_shape)
        variables = self.init(get_key() if key is None else key, X)
        bound = self.bind(variables, mutable=["batch_stats"])
        for layer in bound.net.layers:
            X = layer(X)
            print(layer.__class__.__name__, "output shape:\t", X.shape)


def _correct(model: Model, state: TrainState, X: Batch, Y: jax.Array) -> jax.Array:
    Y_hat, _ = model.outputs(state.params, X, state)
    check_shape(Y_hat.shape[:-1], Y.shape)
    predicted = Y_hat.reshape(-1, Y_hat.shape[-1]).argmax(axis=1)
    return (predicted == Y.reshape(-1)).astype(jnp.float32)
