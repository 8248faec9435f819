"""Training in several processes that are started together, in TensorFlow."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from hardmax.processes.group import Group
from hardmax.tensorflow import layers
from hardmax.tensorflow.collectives import all_sum_at_once, join
from hardmax.tensorflow.module import Module, scratch_weights
from hardmax.training.sharing import Share

__all__ = [
    "SHARES",
    "Trainer",
    "computes_whole",
    "counts",
    "gathered",
    "join",
    "release",
    "summed_gradients",
    "synchronize",
]

#: Whether each process computes with its own share of each batch.
SHARES = True


class Trainer(Protocol):
    """The trainer, as far as several processes are concerned.

    ``statistics`` are variables that a user's layers may set, each by its share of a batch, and
    ``synchronized`` the layers that normalize by whole batches for the time of a fit.
    """

    model: Module
    seed: int | None
    share: Share
    statistics: Sequence[tf.Variable]
    synchronized: Sequence[tf.keras.layers.BatchNormalization]

    @property
    def sharing(self) -> Group:
        """The processes of which each computes with its own share of each batch."""

    @property
    def group(self) -> Group:
        """The processes that train together."""

    def get_weights(self, model: Module) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""

    def set_weights(self, model: Module, weights: Mapping[str, np.ndarray]) -> None:
        """Set the model's weights, named as ``get_weights`` returns them."""


def synchronize(trainer: Trainer) -> None:
    """Give all processes the weights of the first, and random numbers of their own.

    For the time of the fit, Keras's BatchNormalization layers normalize by whole batches; of layers
    that may do so by each process's share the user is warned.
    """
    model, group = trainer.model, trainer.group
    weights = trainer.get_weights(model)
    trainer.set_weights(model, dict(zip(weights, group.from_first(*weights.values()), strict=True)))
    states = layers.generator_states(model)
    for state, array in zip(states, group.from_first(*map(np.asarray, states)), strict=True):
        state.assign(array)
    rank = group.place.rank
    layers.separate_generators(model, rank)
    if trainer.seed is not None and rank:
        tf.random.set_seed(layers.separate_seed(trainer.seed, rank))
    trainer.synchronized = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, tf.keras.layers.BatchNormalization) and not layer.synchronized
    ]
    for layer in trainer.synchronized:
        layer.synchronized = True
    owners = _statistics(model)
    trainer.statistics = [variable for found in owners.values() for variable in found]
    if owners and group.is_first:
        warnings.warn(
            f"{', '.join(owners)} has variables that are not trained: if it computes them from a "
            "batch, it does so from each process's share of it, and their mean is kept; "
            "tf.keras.layers.BatchNormalization normalizes by whole batches",
            stacklevel=2,
        )


def release(trainer: Trainer) -> None:
    """Leave the layers of a model as they were before a fit."""
    for layer in trainer.synchronized:
        layer.synchronized = False
    trainer.synchronized = ()


def computes_whole(trainer: Trainer) -> bool:
    """Return whether each process computes the whole batch, which counts in the last one alone.

    It has fewer examples than there are processes, and TensorFlow's convolutions by oneDNN return
    arrays of a wrong shape for an empty share.
    """
    return trainer.share.whole < trainer.sharing.size


def counts(trainer: Trainer) -> bool:
    """Return whether what this process computes of a batch counts."""
    place = trainer.group.place
    return not computes_whole(trainer) or place.rank == place.size - 1


def gathered(trainer: Trainer, batch: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
    """Return the whole batch of which each process has a share."""
    return tuple(tf.constant(trainer.group.gather(np.asarray(one))) for one in batch)


def summed_gradients(
    trainer: Trainer, tape: tf.GradientTape, loss: tf.Tensor
) -> list[tf.Tensor | None]:
    """Return the gradients of the mean loss of a batch, from those of each process's share."""
    share = trainer.share
    part = float(counts(trainer)) if computes_whole(trainer) else share.own / share.whole
    grads = tape.gradient(
        loss,
        trainer.model.trainable_variables,
        output_gradients=tf.fill(tf.shape(loss), tf.cast(part, loss.dtype)),
    )
    known = [grad for grad in grads if grad is not None]
    sums = all_sum_at_once(
        *known, *(part * tf.convert_to_tensor(one) for one in trainer.statistics)
    )
    for variable, value in zip(trainer.statistics, sums[len(known) :], strict=True):
        variable.assign(value)
    left = iter(sums)
    return [None if grad is None else next(left) for grad in grads]


def _statistics(model: Module) -> dict[str, list[tf.Variable]]:
    """Return variables that are not trained, by the class of a layer of the user that has them."""
    found: dict[str, list[tf.Variable]] = {}
    for layer in model._flatten_layers():
        is_own = type(layer).__module__.partition(".")[0] not in ("keras", "hardmax")
        if is_own and not isinstance(layer, tf.keras.layers.BatchNormalization):
            found.setdefault(type(layer).__name__, []).extend(layer._non_trainable_variables)
    plain = [variable for _, variable in scratch_weights(model) if not variable.trainable]
    found.setdefault(type(model).__name__, []).extend(plain)
    for name, variables in found.items():
        found[name] = [one for one in variables if tf.as_dtype(one.dtype).is_floating]
    return {name: variables for name, variables in found.items() if variables}
