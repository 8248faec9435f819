"""The fast path in TensorFlow: runs a chunk of batches as one graph with a loop."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np
import tensorflow as tf

from hardmax.evaluation.totals import Steps
from hardmax.tensorflow.collectives import together
from hardmax.tensorflow.data import prepared
from hardmax.tensorflow.module import Module
from hardmax.training import trainer as core
from hardmax.training.compiled import BatchPlan, Cache, Span, joined_steps, span
from hardmax.training.dispatch import counter
from hardmax.training.loaders import Chunk

__all__ = ["Gradients", "Optimizer", "Trainer", "evaluate", "feature_gradients", "scores", "train"]

Batch: TypeAlias = tuple[tf.Tensor, ...]
#: By weight; None of one that a loss does not depend on.
Gradients: TypeAlias = Sequence[tf.Tensor | None]
#: The loss of a batch, the number of correct predictions, the number of labels.
Result: TypeAlias = Sequence[tf.Tensor]
RESULTS = (tf.float32, tf.float32, tf.int32)


class Optimizer(Protocol):
    """Keras's optimizers, and the book's."""

    def apply_gradients(self, grads_and_vars: Iterable[tuple[tf.Tensor, tf.Variable]]) -> object:
        """Update the variables by their gradients."""


class Trainer(Protocol):
    """The trainer, as the engine sees it; ``graphs`` are those of a fit."""

    model: Module
    run_device: str
    compile_seconds: float
    graphs: Cache[tuple[tf.types.experimental.ConcreteFunction, object]]

    def check_labels(self) -> None:
        """Raise ArgumentError if the current labels do not fit the model's scores."""

    def prepare_batch(self, batch: Sequence[tf.Tensor]) -> Batch:
        """Return a batch's tensors on the run's device."""

    @property
    def counts(self) -> bool:
        """Whether what this process computes of a batch counts."""

    def own_batch(self, batch: Sequence[tf.Tensor]) -> Batch:
        """Return what this process computes of a batch, of which it has a share."""

    def gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> Gradients:
        """Return the gradients of the loss of a batch, which a tape has recorded."""

    def apply_gradients(self, grads: Gradients) -> None:
        """Take an optimizer step."""


def train(trainer: Trainer, chunk: Iterable[Sequence[tf.Tensor]]) -> Steps:
    """Take an optimizer step on every batch of a chunk, and return the steps.

    Calls the model's ``loss`` and ``accuracy``. The host waits for the device once, at the end.
    """
    trainer.model.training = True
    return _run(trainer, trainer.model, _train_step, chunk)


def evaluate(trainer: Trainer, model: Module, chunk: Iterable[Sequence[tf.Tensor]]) -> Steps:
    """Evaluate a model on a chunk of batches, and return the steps."""
    model.training = False
    return _run(trainer, model, _evaluate_step, chunk)


def scores(trainer: Trainer, model: Module, loader: Iterable[Sequence[tf.Tensor]]) -> np.ndarray:
    """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""
    model.training = False
    batches = (trainer.prepare_batch(batch)[:-1] for batch in loader)
    outputs = [_call(trainer, model, _outputs, *inputs) for inputs in batches]
    return np.concatenate([np.asarray(out, np.float32) for out in outputs])


def feature_gradients(
    trainer: Trainer, body: Module, head: Module, batch: Sequence[tf.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the feature maps of a batch of images, and the gradients of scores by them.

    ``body`` computes the feature maps, ``head`` scores from them, both in evaluation mode; the
    score of each image is that of its label. Both arrays are float32 (examples, rows, columns,
    channels).
    """
    *inputs, labels = trainer.prepare_batch(batch)
    found = _call(trainer, body, _outputs, *inputs)
    gradients = _call(trainer, head, _score_gradients, found, labels)
    return np.asarray(found, np.float32), np.asarray(gradients, np.float32)


# Loops over batches

Step: TypeAlias = Callable[..., Result]


def _run(
    trainer: Trainer, model: Module, step: Step, chunk: Iterable[Sequence[tf.Tensor]]
) -> Steps:
    """Take a step on every batch and fetch the results."""
    decides = counter(model) is not None
    if not isinstance(chunk, Chunk):
        results = (_checked_call(trainer, model, step, batch) for batch in chunk)
        return joined_steps(((result, 1) for result in results), decides)
    trainer.check_labels()
    plan, bounds = BatchPlan.of(chunk), span(chunk)
    # The graph always takes an order; without shuffling it is that of the examples.
    order = tf.range(plan.examples) if chunk.order is None else chunk.order
    arrays = (order, *map(tf.constant, bounds), *chunk.loader.arrays)
    looped = _call(trainer, model, _loop, *arrays, static=(step, plan))
    return joined_steps([(looped, bounds.whole + bounds.has_rest)], decides)


def _checked_call(
    trainer: Trainer, model: Module, step: Step, batch: Sequence[tf.Tensor]
) -> Result:
    """Return the result of a step on a batch whose labels are checked first."""
    trainer.check_labels()
    result = _call(trainer, model, step, *trainer.own_batch(batch))
    return result if trainer.counts else [0 * one for one in result]


def _call(
    trainer: Trainer,
    model: Module,
    function: Callable[..., Result],
    *tensors: tf.Tensor,
    static: tuple[Hashable, ...] = (),
) -> Result:
    """Return ``function(trainer, model, *static, *tensors)``, as a graph traced once per fit.

    It is traced again if a plain setting of the model, of a custom optimizer or of the trainer has
    changed, because a graph captures their values. The trainer keeps the graphs.
    """
    owners = (trainer, model)
    kinds = tuple((tuple(a.shape), a.dtype) for a in tensors)
    settings = (*map(_plain, owners), _plain(getattr(trainer, "optim", None)))

    def trace() -> tuple[tf.types.experimental.ConcreteFunction, object]:
        graph = tf.function(partial(function, *owners, *static))
        # Keeps the owners alive, so that their ids are not reused.
        return graph.get_concrete_function(*tensors), owners

    with tf.device(trainer.run_device):
        key = (function, static, *map(id, owners), kinds, settings)
        return trainer.graphs.get(key, trace, trainer)[0](*tensors)


def _plain(owner: object) -> Hashable:
    """Return the plain settings of a model, a trainer or an optimizer."""
    if isinstance(owner, tf.keras.Model):
        ignored: tuple[str, ...] = ("built",)
    elif isinstance(owner, core.Trainer):
        return owner.gradient_clip_val, owner.share
    elif isinstance(owner, tf.keras.optimizers.Optimizer) or not hasattr(owner, "__dict__"):
        return None
    else:
        ignored = ()
    return tuple(
        (name, value)
        for name, value in sorted(vars(owner).items())
        if type(value) in (bool, int, float, str) and name not in ignored
    )


def _loop(
    trainer: Trainer,
    model: Module,
    step: Step,
    plan: BatchPlan,
    order: tf.Tensor,
    *arrays: tf.Tensor,
) -> list[tf.Tensor]:
    """Take the steps of a chunk, with one on the epoch's short last batch if it ends there.

    ``arrays``: the three of a Span, then the loader's tensors. Returns the results, of shape
    (whole batches + 1,); without such a batch the last has no meaning. One graph serves all chunks
    of an equal plan.
    """
    bounds, tensors = Span(*arrays[:3]), arrays[3:]

    def take(at: tf.Tensor, size: int) -> Result:
        rows = tf.ensure_shape(tf.slice(order, [at], [size]), [size])
        batch = tuple(tf.gather(a, rows) for a in tensors)
        batch = prepared(batch, plan.are_images, plan.augmentation)
        return step(trainer, model, *batch)

    def body(i: tf.Tensor, *results: tf.TensorArray) -> tuple:
        result = take(bounds.start + i * plan.size, plan.size)
        return (i + 1, *(all.write(i, one) for all, one in zip(results, result, strict=True)))

    empty = [tf.TensorArray(dtype, size=bounds.whole, element_shape=()) for dtype in RESULTS]
    at, *parts = tf.while_loop(lambda i, *_: i < bounds.whole, body, (tf.constant(0), *empty))
    nothing = tuple(tf.zeros((), dtype) for dtype in RESULTS)
    last, rest = nothing, plan.examples % plan.size
    if rest:
        start = bounds.start + at * plan.size
        last = tf.cond(bounds.has_rest, lambda: take(start, rest), lambda: nothing)
    return [
        tf.concat([all.stack(), one[tf.newaxis]], 0) for all, one in zip(parts, last, strict=True)
    ]


# One step, traced by TensorFlow


def _train_step(trainer: Trainer, model: Module, *batch: tf.Tensor) -> Result:
    with together():
        with tf.GradientTape() as tape:
            outputs = model(*batch[:-1])
            loss = model.loss(outputs, batch[-1])
        grads = trainer.gradients(tape, loss)
    trainer.apply_gradients(grads)
    return (_mean(loss), *_counts(model, outputs, batch[-1]))


def _evaluate_step(_: Trainer, model: Module, *batch: tf.Tensor) -> Result:
    outputs = model(*batch[:-1])
    return (_mean(model.loss(outputs, batch[-1])), *_counts(model, outputs, batch[-1]))


def _mean(loss: tf.Tensor) -> tf.Tensor:
    """Return a scalar loss: one with a list of Keras penalties added has an axis."""
    return tf.cast(loss if loss.shape.rank == 0 else tf.reduce_mean(loss), tf.float32)


def _counts(model: Module, outputs: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the number of correct predictions and the number of labels."""
    accuracy = counter(model)
    if accuracy is None:
        return tf.constant(0.0), tf.shape(labels)[0]
    correct = accuracy(outputs, labels, averaged=False)
    return tf.cast(tf.reduce_sum(correct), tf.float32), tf.size(correct)


def _outputs(_: Trainer, model: Module, *inputs: tf.Tensor) -> tf.Tensor:
    return model(*inputs)


def _score_gradients(
    _: Trainer, model: Module, features: tf.Tensor, labels: tf.Tensor
) -> tf.Tensor:
    """Return the gradients of the score of each example's label with regard to its features."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(features)
        total = tf.reduce_sum(tf.gather(model(features), labels, axis=1, batch_dims=1))
    return tape.gradient(total, features)
