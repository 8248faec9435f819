"""The fast path in TensorFlow: runs a chunk of batches as one graph with a loop."""

import time
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from hardmax.evaluation.totals import Steps
from hardmax.tensorflow.data import floats
from hardmax.training import trainer as core
from hardmax.training.dispatch import counter
from hardmax.training.loaders import Chunk

__all__ = ["evaluate", "scores", "train"]

#: What a step returns: the loss, the number of correct predictions, the number of labels.
RESULTS = (tf.float32, tf.int32, tf.int32)


def train(trainer: Any, chunk: Iterable) -> Steps:
    """Take an optimizer step on every batch of a chunk, and return the steps.

    Calls the model's ``loss`` and ``accuracy``. The host waits for the device once, at the end.
    """
    trainer.model.training = True
    return _run(trainer, trainer.model, _train_step, chunk)


def evaluate(trainer: Any, model: Any, chunk: Iterable) -> Steps:
    """Evaluate a model on a chunk of batches, and return the steps."""
    model.training = False
    return _run(trainer, model, _evaluate_step, chunk)


def scores(trainer: Any, model: Any, loader: Iterable) -> np.ndarray:
    """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""
    model.training = False
    outputs = [
        _call(trainer, _outputs, (model,), *trainer.prepare_batch(batch)[:-1]) for batch in loader
    ]
    return np.concatenate([np.asarray(out, np.float32) for out in outputs])


# Loops over batches


def _run(trainer: Any, model: Any, step: Callable, chunk: Iterable) -> Steps:
    """Take a step on every batch and fetch the results."""
    call = partial(_call, trainer)
    results = []
    if not isinstance(chunk, Chunk):
        for batch in chunk:
            results.append((call(step, (trainer, model), *trainer.prepare_batch(batch)), 1))
        return _steps(results, counter(model))
    loader: Any = chunk.loader
    whole, rest = divmod(chunk.stop - chunk.start, loader.batch_size)
    fixed = (step, trainer, model, loader.are_images, loader.batch_size, loader.count)
    # The graph always takes an order; without shuffling it is that of the examples.
    order = tf.range(loader.count) if chunk.order is None else chunk.order
    bounds = (tf.constant(chunk.start), tf.constant(whole), tf.constant(rest > 0))
    looped = call(_loop, fixed, order, *bounds, *loader.tensors)
    return _steps([(looped, whole + bool(rest))], counter(model))


def _call(trainer: Any, function: Callable, fixed: tuple, *tensors: tf.Tensor) -> Any:
    """Return ``function(*fixed, *tensors)``, run as a graph that is traced once per fit.

    It is traced again if a plain setting of the model, of a custom optimizer or of the trainer has
    changed, because a graph captures their values. The trainer keeps the graphs. Adds the seconds
    that tracing took to ``trainer.compile_seconds``.
    """
    kinds = tuple((tuple(a.shape), a.dtype) for a in tensors)
    settings = (*map(_plain, fixed), _plain(getattr(trainer, "optim", None)))
    key = (function, *map(id, fixed), kinds, settings)
    with tf.device(trainer.run_device):
        if key not in trainer.graphs:
            start = time.perf_counter()
            graph = tf.function(partial(function, *fixed)).get_concrete_function(*tensors)
            # Keeps the fixed arguments alive, so that their ids are not reused.
            trainer.graphs[key] = (graph, fixed)
            trainer.compile_seconds += time.perf_counter() - start
        return trainer.graphs[key][0](*tensors)


def _plain(owner: Any) -> Hashable:
    """Return the plain settings of a model, a trainer or an optimizer."""
    if isinstance(owner, tf.keras.Model):
        ignored: tuple[str, ...] = ("built",)
    elif isinstance(owner, core.Trainer):
        return owner.gradient_clip_val
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
    step: Callable,
    trainer: Any,
    model: Any,
    are_images: bool,
    size: int,
    examples: int,
    order: tf.Tensor,
    start: tf.Tensor,
    whole: tf.Tensor,
    has_rest: tf.Tensor,
    *tensors: tf.Tensor,
) -> list[tf.Tensor]:
    """Take ``whole`` steps from position ``start``, and one on the epoch's short last batch.

    Returns their results, of shape (whole + 1,); without such a batch the last has no meaning.
    One graph serves all chunks of ``examples`` examples.
    """

    def take(at: tf.Tensor, count: int) -> tuple[tf.Tensor, ...]:
        return _single(step, trainer, model, are_images, count, order, at, *tensors)

    def body(i: tf.Tensor, *results: tf.TensorArray) -> tuple:
        result = take(start + i * size, size)
        return (i + 1, *(all.write(i, one) for all, one in zip(results, result, strict=True)))

    empty = [tf.TensorArray(dtype, size=whole, element_shape=()) for dtype in RESULTS]
    at, *arrays = tf.while_loop(lambda i, *_: i < whole, body, (tf.constant(0), *empty))
    nothing = tuple(tf.zeros((), dtype) for dtype in RESULTS)
    last = nothing
    if examples % size:
        last = tf.cond(has_rest, lambda: take(start + at * size, examples % size), lambda: nothing)
    return [
        tf.concat([all.stack(), one[tf.newaxis]], 0) for all, one in zip(arrays, last, strict=True)
    ]


def _single(
    step: Callable,
    trainer: Any,
    model: Any,
    are_images: bool,
    size: int,
    order: tf.Tensor,
    start: tf.Tensor,
    *tensors: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """Take a step on the ``size`` examples from position ``start`` of the order."""
    rows = tf.ensure_shape(tf.slice(order, [start], [size]), [size])
    batch = tuple(tf.gather(a, rows) for a in tensors)
    return step(trainer, model, *floats(batch, are_images))


def _steps(results: list[Any], accuracy: Callable | None) -> Steps:
    """Fetch the results of batches: losses, numbers of correct predictions, numbers of labels."""
    fetched = [[np.atleast_1d(one.numpy())[:count] for one in result] for result, count in results]
    return Steps.joined(fetched, decides=accuracy is not None)


# One step, traced by TensorFlow


def _train_step(trainer: Any, model: Any, *batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
    with tf.GradientTape() as tape:
        outputs = model(*batch[:-1])
        loss = model.loss(outputs, batch[-1])
    trainer.apply_gradients(tape, loss)
    return (_mean(loss), *_counts(model, outputs, batch[-1]))


def _evaluate_step(trainer: Any, model: Any, *batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
    outputs = model(*batch[:-1])
    return (_mean(model.loss(outputs, batch[-1])), *_counts(model, outputs, batch[-1]))


def _mean(loss: tf.Tensor) -> tf.Tensor:
    """Return a scalar loss: one with a list of Keras penalties added has an axis."""
    return tf.cast(loss if loss.shape.rank == 0 else tf.reduce_mean(loss), tf.float32)


def _counts(model: Any, outputs: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the number of correct predictions and the number of labels."""
    accuracy = counter(model)
    if accuracy is None:
        return tf.constant(0), tf.shape(labels)[0]
    correct = accuracy(outputs, labels, averaged=False)
    return tf.cast(tf.reduce_sum(correct), tf.int32), tf.size(correct)


def _outputs(model: Any, *inputs: tf.Tensor) -> tf.Tensor:
    return model(*inputs)
