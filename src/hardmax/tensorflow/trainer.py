"""The book's Trainer in TensorFlow, on top of the loop that all frameworks share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hardmax.errors import ArgumentError
from hardmax.tensorflow import engine, export, layers, processes, resuming, runtime
from hardmax.tensorflow.collectives import together
from hardmax.tensorflow.engine import Gradients, Optimizer
from hardmax.tensorflow.module import Module
from hardmax.training import trainer
from hardmax.training.compiled import Cache
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
from hardmax.training.dispatch import is_step_hook, step_hook
from hardmax.training.fingerprints import set_in
from hardmax.training.labels import check_range, check_shape
from hardmax.training.loaders import first_batch

__all__ = ["Trainer"]


class Trainer(trainer.Trainer[Module, tf.Tensor]):
    """Fits a model to data, with the arguments of its base class."""

    framework = "tensorflow"
    engine: Engine["Trainer", Module, tf.Tensor] = engine
    export: Exporter[Module, tf.Tensor] = export
    layers: Layers[Module] = layers
    processes: Processes["Trainer"] = processes
    resuming: Resuming["Trainer"] = resuming
    runtime: Runtime[Module, str] = runtime
    optim: Optimizer
    run_device: str
    graphs: Cache[tuple[tf.types.experimental.ConcreteFunction, object]]
    is_fitting = False
    #: The model that the graphs were last made for outside of a fit.
    evaluated: Module | None = None
    #: The shape of an example's scores, with a loss that takes labels.
    scores_shape: tuple[int, ...] | None = None
    statistics: Sequence[tf.Variable] = ()
    synchronized: Sequence[tf.keras.layers.BatchNormalization] = ()

    def fit(self, model: Module, data: DataModule[tf.Tensor]) -> None:
        """Train ``model`` on ``data`` for at most ``max_epochs``.

        Raises the errors of the shared trainer, and ArgumentError if the model has nothing to
        train.
        """
        if not self.continues:
            self.graphs = Cache()
        self.is_fitting = True
        try:
            super().fit(model, data)
        finally:
            self.is_fitting = False
            processes.release(self)
            model.training = False

    def prepare_optimizer(self) -> None:
        """Get the model's optimizer, once per fit, and build its variables."""
        super().prepare_optimizer()
        self._make_weights(self.model, self.train_dataloader)
        if not self.model.trainable_variables:
            raise ArgumentError(
                f"{type(self.model).__name__} has nothing to train; keep its weights in its "
                "attributes, as layers or as variables"
            )
        if self.seed is not None:
            layers.seed_generators(self.model, self.seed)
        if hasattr(self.optim, "build"):
            with tf.device(self.run_device):
                self.optim.build(self.model.trainable_variables)

    def engine_suits(self) -> bool:
        """Return whether the optimizer's state can be updated in a graph.

        A graph would set Python attributes once, when it is traced, not at every step.
        """
        if isinstance(self.optim, tf.keras.optimizers.Optimizer):
            return True
        return not set_in(type(self.optim).apply_gradients.__code__)

    def prepare_evaluation(self, model: Module, loader: Batches[tf.Tensor]) -> None:
        """Create a model's weights, and put its batches on the run's device."""
        super().prepare_evaluation(model, loader)
        if not self.is_fitting:
            if self.keeps_compiled and self.evaluated is model:
                return
            self.graphs, self.evaluated = Cache(), model
        self._make_weights(model, loader)

    def _make_weights(self, model: Module, loader: Batches[tf.Tensor]) -> None:
        """Call the model once, so that lazy layers create their weights outside of any graph."""
        first = first_batch(loader)
        model.training = False
        with tf.device(self.run_device):
            outputs = model(*first[:-1])
        # A loss of the user's own may take any labels.
        self.scores_shape = tuple(outputs.shape[1:]) if is_step_hook(model.loss) else None

    def check_labels(self) -> None:
        """Raise ArgumentError if the current labels do not fit the scores; a graph cannot check."""
        if self.scores_shape is not None and self.labels is not None:
            *axes, classes = self.scores_shape
            count, *_ = shape = np.shape(self.labels.values)
            check_shape((count, *axes), shape)
            check_range(self.labels.range, classes)

    @step_hook
    def prepare_batch(self, batch: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """Return a batch's tensors on the run's device."""
        with tf.device(self.run_device):
            return tuple(tf.identity(a) for a in batch)

    @property
    def counts(self) -> bool:
        """Whether what this process computes of a batch counts."""
        return processes.counts(self)

    def own_batch(self, batch: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """Return what this process computes of a batch, of which it has a share."""
        if processes.computes_whole(self):
            batch = processes.gathered(self, batch)
            self.examples = len(batch[-1])
        return self.prepare_batch(batch)

    def observe(self, label: str, value: Any) -> int:
        """Add a batch mean to its meter on the step path; return the size of the batch."""
        if not self.uses_engine:
            self.examples *= self.counts
        return super().observe(label, value)

    def train_on(self, batch: Sequence[tf.Tensor]) -> None:
        """Take an optimizer step on a batch, through the hooks."""
        batch = self.own_batch(batch)
        with together():
            with tf.GradientTape() as tape:
                loss = self.model.training_step(batch)
            grads = self.gradients(tape, loss)
        self.apply_gradients(grads)

    def validate_on(self, batch: Sequence[tf.Tensor]) -> None:
        """Take the model's validation step on a batch, through the hooks."""
        self.model.validation_step(self.own_batch(batch))

    def gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> Gradients:
        """Return the gradients of the loss of a batch, which a tape has recorded."""
        if self.sharing.size > 1:
            return processes.summed_gradients(self, tape, loss)
        grads: Gradients = tape.gradient(loss, self.model.trainable_variables)
        return grads

    def apply_gradients(self, grads: Gradients) -> None:
        """Take an optimizer step."""
        variables = self.model.trainable_variables
        if not isinstance(self.optim, tf.keras.optimizers.Optimizer):
            # Only Keras optimizers accept sparse gradients, such as those of an Embedding.
            grads = [None if grad is None else tf.convert_to_tensor(grad) for grad in grads]
        if self.gradient_clip_val > 0:
            grads = self.clip_gradients(self.gradient_clip_val, grads)
        pairs = zip(grads, variables, strict=True)
        self.optim.apply_gradients([(grad, v) for grad, v in pairs if grad is not None])

    def clip_gradients(
        self, grad_clip_val: float, grads: Sequence[tf.Tensor | None]
    ) -> list[tf.Tensor | None]:
        """Return gradients scaled so that their global norm is at most ``grad_clip_val``."""
        scale = tf.minimum(1.0, grad_clip_val / (tf.linalg.global_norm(grads) + 1e-6))
        return [None if grad is None else grad * scale for grad in grads]
