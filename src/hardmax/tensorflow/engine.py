"""TensorFlow's own fastest way through a stretch of batches: one graph, and in it a loop."""

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
from hardmax.training.loaders import Stretch

__all__ = ["evaluate", "scores", "train"]

#: What a step returns: its loss, how many right decisions, and of how many.
RESULTS = (tf.float32, tf.int32, tf.int32)


def train(trainer: Any, stretch: Iterable) -> Steps:
    """Take a step of ``trainer.optim`` on every batch of a stretch; return the steps.

    The model's own ``loss`` and ``accuracy`` are called. The host waits for the device once,
    at the end.
    """
    trainer.model.training = True
    return _run(trainer, trainer.model, _train_step, stretch)


def evaluate(trainer: Any, model: Any, stretch: Iterable) -> Steps:
    """Return the steps of a model that is not trained, over a stretch of batches."""
    model.training = False
    return _run(trainer, model, _evaluate_step, stretch)


def scores(trainer: Any, model: Any, loader: Iterable) -> np.ndarray:
    """Return the outputs of a model that is not trained, float32 of shape (examples, classes)."""
    model.training = False
    outputs = [
        _call(trainer, _outputs, (model,), *trainer.prepare_batch(batch)[:-1]) for batch in loader
    ]
    return np.concatenate([np.asarray(out, np.float32) for out in outputs])


# Batches in a row


def _run(trainer: Any, model: Any, step: Callable, stretch: Iterable) -> Steps:
    """Take a step on every batch and fetch the results."""
    call = partial(_call, trainer)
    results = []
    if not isinstance(stretch, Stretch):
        for batch in stretch:
            results.append((call(step, (trainer, model), *trainer.prepare_batch(batch)), 1))
        return _steps(results, counter(model))
    loader: Any = stretch.loader
    whole, rest = divmod(stretch.stop - stretch.start, loader.batch_size)
    fixed = (step, trainer, model, loader.pictures, loader.batch_size, loader.count)
    # Arguments that are always there: without an order the numbers of the examples are one.
    order = tf.range(loader.count) if stretch.order is None else stretch.order
    bounds = (tf.constant(stretch.start), tf.constant(whole), tf.constant(rest > 0))
    looped = call(_loop, fixed, order, *bounds, *loader.tensors)
    return _steps([(looped, whole + bool(rest))], counter(model))


def _call(trainer: Any, function: Callable, fixed: tuple, *tensors: tf.Tensor) -> Any:
    """Return ``function(*fixed, *tensors)``, run as a graph that is traced once a fit.

    It is traced anew where a plain setting of the model, of an optimizer not of Keras, or of the
    trainer has changed: a graph has them as they were. The trainer keeps the graphs, and is told
    the seconds that tracing took.
    """
    kinds = tuple((tuple(a.shape), a.dtype) for a in tensors)
    settings = (*(_plain(thing) for thing in fixed), _plain(getattr(trainer, "optim", None)))
    key = (function, *map(id, fixed), kinds, settings)
    with tf.device(trainer.run_device):
        if key not in trainer.graphs:
            start = time.perf_counter()
            graph = tf.function(partial(function, *fixed)).get_concrete_function(*tensors)
            # What is fixed is kept with the graph, so that its ids stay its own.
            trainer.graphs[key] = (graph, fixed)
            trainer.compile_seconds += time.perf_counter() - start
        return trainer.graphs[key][0](*tensors)


def _plain(thing: Any) -> Hashable:
    """Return the settings of a model, a trainer or an optimizer that are plain values."""
    if isinstance(thing, tf.keras.Model):
        passing: tuple[str, ...] = ("built",)
    elif isinstance(thing, core.Trainer):
        return thing.gradient_clip_val
    elif isinstance(thing, tf.keras.optimizers.Optimizer) or not hasattr(thing, "__dict__"):
        return None
    else:
        passing = ()
    return tuple(
        (name, value)
        for name, value in sorted(vars(thing).items())
        if type(value) in (bool, int, float, str) and name not in passing
    )


def _loop(
    step: Callable,
    trainer: Any,
    model: Any,
    pictures: bool,
    size: int,
    examples: int,
    order: tf.Tensor,
    start: tf.Tensor,
    whole: tf.Tensor,
    has_rest: tf.Tensor,
    *tensors: tf.Tensor,
) -> list[tf.Tensor]:
    """Take ``whole`` steps from position ``start`` on, and one on the epoch's short last batch.

    Returns their results, of shape (whole + 1,): the last of them means nothing without such a
    batch. One graph serves all stretches of so many ``examples``.
    """

    def take(at: tf.Tensor, count: int) -> tuple[tf.Tensor, ...]:
        return _single(step, trainer, model, pictures, count, order, at, *tensors)

    def body(i: tf.Tensor, *held: tf.TensorArray) -> tuple:
        found = take(start + i * size, size)
        return (i + 1, *(all.write(i, one) for all, one in zip(held, found, strict=True)))

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
    pictures: bool,
    size: int,
    order: tf.Tensor,
    start: tf.Tensor,
    *tensors: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """Take a step on the ``size`` examples from position ``start`` of the order on."""
    rows = tf.ensure_shape(tf.slice(order, [start], [size]), [size])
    batch = tuple(tf.gather(a, rows) for a in tensors)
    return step(trainer, model, *floats(batch, pictures))


def _steps(results: list[Any], accuracy: Callable | None) -> Steps:
    """Fetch the results of batches: each loss, how many right decisions of how many."""
    fetched = [[np.atleast_1d(one.numpy())[:count] for one in found] for found, count in results]
    return Steps.joined(fetched, decides=accuracy is not None)


# One step, as TensorFlow traces it


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
    """Return a loss without axes: one to which a list of penalties was added has one."""
    return tf.cast(loss if loss.shape.rank == 0 else tf.reduce_mean(loss), tf.float32)


def _counts(model: Any, outputs: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return how many decisions are right, and of how many."""
    accuracy = counter(model)
    if accuracy is None:
        return tf.constant(0), tf.shape(labels)[0]
    right = accuracy(outputs, labels, averaged=False)
    return tf.cast(tf.reduce_sum(right), tf.int32), tf.size(right)


def _outputs(model: Any, *inputs: tf.Tensor) -> tf.Tensor:
    return model(*inputs)
