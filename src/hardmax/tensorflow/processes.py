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
    "summed_gradients",
    "synchronize",
]

#: Whether each process computes with its own share of each batch.
SHARES = True


class Trainer(Protocol):
    """The trainer, as far as several processes are concerned.

    ``statistics`` are variables that a user's layers may set, each by its share of a batch.
    """

    model: Module
    seed: int | None
    share: Share
    statistics: Sequence[tf.Variable]

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

    Keras's BatchNormalization layers are set to normalize by the statistics of whole batches; of
    layers that may compute others of their own the user is warned.
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
    for layer in model._flatten_layers():
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.synchronized = True
    trainer.statistics = _statistics(model)
    if trainer.statistics and group.is_first:
        warnings.warn(
            f"{type(model).__name__} has variables that are not trained, of layers of your own; if "
            "these compute them from a batch, each process does so from its share of it, and their "
            "mean is kept: use tf.keras.layers.BatchNormalization to normalize by whole batches",
            stacklevel=2,
        )


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


def _statistics(model: Module) -> list[tf.Variable]:
    """Return the variables that are not trained of layers that are not Keras's or hardmax's."""
    own = [
        variable
        for layer in model._flatten_layers()
        if not isinstance(layer, tf.keras.layers.BatchNormalization)
        and type(layer).__module__.partition(".")[0] not in ("keras", "hardmax")
        for variable in layer._non_trainable_variables
    ]
    own += [variable for _, variable in scratch_weights(model) if not variable.trainable]
    return [variable for variable in own if tf.as_dtype(variable.dtype).is_floating]
