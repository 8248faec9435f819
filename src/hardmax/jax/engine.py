"""The fast path in JAX: runs a chunk of batches as one function, compiled once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar

import jax
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp

from hardmax.evaluation.totals import Steps
from hardmax.jax.data import prepared
from hardmax.jax.program import (
    Batch,
    Carry,
    Model,
    Program,
    Trainer,
    TrainState,
    Value,
    call,
    carried,
    state_of,
)
from hardmax.training.compiled import BatchPlan, Cache, Span, joined_steps, span
from hardmax.training.dispatch import counter, is_step_hook
from hardmax.training.labels import check_range, label_range
from hardmax.training.loaders import Chunk

__all__ = [
    "applied",
    "check_call",
    "check_labels",
    "evaluate",
    "feature_gradients",
    "gradients",
    "scores",
    "train",
    "update",
]

T = TypeVar("T")
#: The loss of a batch, the number of correct predictions, the number of labels.
Result: TypeAlias = tuple[jax.Array | int, ...]
Step: TypeAlias = Callable[[Program, Carry, Batch], tuple[Carry, Result]]

#: Whether a step has convolutions.
CONVOLVES: Cache[bool] = Cache(256)
#: The number of scores of a model.
CLASSES: Cache[int] = Cache(256)


# The engine interface


def train(trainer: Trainer, chunk: Iterable[Sequence[jax.Array]]) -> Steps:
    """Take an optimizer step on every batch of a chunk, and return the steps.

    Calls the model's ``loss``, and its ``accuracy`` unless overridden: an override may only work in
    validation. The host waits for the device once, at the end.
    """
    model = trainer.model
    model.training = True
    state = state_of(model)
    program = Program(model, state, trainer)
    carry, results = _run(trainer, program, _train_step, carried(state), chunk)
    model.train_state = state.replace(**carry)
    return joined_steps(results, decides=_train_counter(model) is not None)


def evaluate(trainer: Trainer, model: Model, chunk: Iterable[Sequence[jax.Array]]) -> Steps:
    """Evaluate a model on a chunk of batches, and return the steps."""
    model.training = False
    state = state_of(model)
    _, results = _run(trainer, Program(model, state), _evaluate_step, carried(state), chunk)
    return joined_steps(results, decides=counter(model) is not None)


def scores(trainer: Trainer, model: Model, loader: Iterable[Sequence[jax.Array]]) -> np.ndarray:
    """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""
    model.training = False
    batches = (trainer.prepare_batch(batch)[:-1] for batch in loader)
    outputs = [applied(_outputs, model, state_of(model), inputs) for inputs in batches]
    return np.concatenate([np.asarray(out, np.float32) for out in outputs])


def feature_gradients(
    trainer: Trainer, body: Model, head: Model, batch: Sequence[jax.Array]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the feature maps of a batch of images, and the gradients of scores by them.

    ``body`` computes the feature maps, ``head`` scores from them, both in evaluation mode; the
    score of each image is that of its label. Both arrays are float32 (examples, rows, columns,
    channels).
    """
    *inputs, labels = trainer.prepare_batch(batch)
    found = applied(_outputs, body, state_of(body), tuple(inputs))
    gradients = applied(_score_gradients, head, state_of(head), found, labels)
    return np.asarray(found, np.float32), np.asarray(gradients, np.float32)


# Loops over batches


class Source(NamedTuple):
    """The examples, and the order of an epoch; None without shuffling."""

    tensors: Batch
    order: jax.Array | None

    def batch(self, start: jax.Array, size: int) -> Batch:
        """Return the ``size`` examples from position ``start``."""
        if self.order is None:
            return tuple(lax.dynamic_slice_in_dim(a, start, size) for a in self.tensors)
        rows = lax.dynamic_slice_in_dim(self.order, start, size)
        return tuple(a.at[rows].get(mode="promise_in_bounds") for a in self.tensors)


def _run(
    trainer: Trainer,
    program: Program,
    step: Step,
    carry: Carry,
    chunk: Iterable[Sequence[jax.Array]],
) -> tuple[Carry, list[tuple[Result, int]]]:
    """Take a step on every batch; return the final carry and each batch's results."""
    if not isinstance(chunk, Chunk) or _loops_slowly(program, step, carry, chunk):
        results = []
        for batch in map(trainer.prepare_batch, chunk):
            _check_labels(trainer, program, carry, [batch])
            carry, once = call(trainer, program, step, carry, batch)
            results.append((once, 1))
        return carry, results
    _check_labels(trainer, program, carry, chunk)
    at = span(chunk)
    bounds = Span(np.int32(at.start), np.int32(at.whole), np.bool_(at.has_rest))
    arrays = (carry, Source(chunk.loader.arrays, chunk.order), bounds)
    carry, looped = call(trainer, program, _loop, *arrays, static=(step, BatchPlan.of(chunk)))
    return carry, [(looped, at.whole + at.has_rest)]


def _loops_slowly(
    program: Program, step: Step, carry: Carry, chunk: Iterable[Sequence[jax.Array]]
) -> bool:
    """Return whether a step has convolutions and runs on a CPU.

    There XLA runs a convolution in a loop on one core, at a third of the speed.
    """
    if next(iter(jax.tree.leaves(carry)[0].devices())).platform != "cpu":
        return False

    def has_convolution() -> bool:
        traced = jax.jit(partial(step, program)).trace(carry, next(iter(chunk)))
        return "conv_general_dilated" in str(traced.jaxpr)

    return CONVOLVES.get((step, program.key), has_convolution)


def check_labels(trainer: Trainer, batch: Batch) -> None:
    """Raise ArgumentError if the labels of the trainer's batches do not fit its model's scores."""
    state = state_of(trainer.model)
    _check_labels(trainer, Program(trainer.model, state), carried(state), [batch])


def check_call(model: Model, state: TrainState, batch: Batch) -> None:
    """Raise ArgumentError if the labels of a batch do not fit a model; in a fit they are known."""
    in_fit = model.trainer is not None and model.trainer.labels is not None
    if not in_fit and not isinstance(batch[-1], jax.core.Tracer):
        program = Program(model, state)
        check_range(label_range(batch[-1]), _classes(program, carried(state), [batch]))


def _check_labels(
    trainer: Trainer, program: Program, carry: Carry, batches: Iterable[Batch]
) -> None:
    """Check labels of which compiled code knows only the shape.

    A loss of the user's own may take any labels.
    """
    if trainer.labels is None or not is_step_hook(program.traced(carry)[0].loss):
        return
    check_range(trainer.labels.range, _classes(program, carry, batches))


def _classes(program: Program, carry: Carry, batches: Iterable[Batch]) -> int:
    """Return the number of a model's scores for each example."""

    def classes() -> int:
        outputs = partial(_outputs, *program.traced(carry))
        return jax.eval_shape(outputs, next(iter(batches))[:-1]).shape[-1]

    return CLASSES.get(program.key, classes)


def _loop(
    program: Program,
    step: Step,
    plan: BatchPlan,
    carry: Carry,
    source: Source,
    bounds: Span[jax.Array],
) -> tuple[Carry, Result]:
    """Take the steps of a chunk, with one on the epoch's short last batch if it ends there.

    Returns the final carry and the results. One compilation serves chunks of any length of an
    equal plan, because the results have room for an epoch.
    """

    def body(i: jax.Array, loop_state: tuple, taken: int = plan.size) -> tuple:
        carry, results = loop_state
        batch = source.batch(bounds.start + i * plan.size, taken)
        batch = prepared(batch, plan.are_images, plan.augmentation)
        carry, result = step(program, carry, batch)
        return carry, tuple(all.at[i].set(one) for all, one in zip(results, result, strict=True))

    dtypes = (jnp.result_type(float), jnp.float32, jnp.int32)
    batches, rest = -(-plan.examples // plan.size), plan.examples % plan.size
    loop_state = (carry, tuple(jnp.zeros(batches, dtype) for dtype in dtypes))
    if plan.examples >= plan.size:
        loop_state = lax.fori_loop(0, bounds.whole, body, loop_state)
    if rest:
        last = partial(body, bounds.whole, taken=rest)
        loop_state = lax.cond(bounds.has_rest, last, lambda same: same, loop_state)
    return loop_state


# One step, traced by JAX


def _train_step(program: Program, carry: Carry, batch: Batch) -> tuple[Carry, Result]:
    model, state = program.traced(carry)
    batch = program.divided(batch)
    value, grads = gradients(model, state, batch)
    loss, aux = _loss_and_aux(value)
    result = (loss, *_counts(_train_counter(model), state, batch))
    return carried(_updated(program, state, grads, aux)), result


def _evaluate_step(program: Program, carry: Carry, batch: Batch) -> tuple[Carry, Result]:
    model, state = program.traced(carry)
    batch = program.divided(batch)
    loss, _ = _loss_and_aux(model.loss(state.params, batch[:-1], batch[-1], state))
    return carry, (loss, *_counts(counter(model), state, batch))


def _train_counter(model: Model) -> Callable[..., jax.Array] | None:
    return counter(model) if is_step_hook(getattr(model, "accuracy", None)) else None


def _counts(
    accuracy: Callable[..., jax.Array] | None, state: TrainState, batch: Batch
) -> tuple[jax.Array | int, int]:
    """Return the number of correct predictions and the number of labels."""
    if accuracy is None:
        return 0, len(batch[-1])
    correct = accuracy(state.params, batch[:-1], batch[-1], state, averaged=False)
    return correct.sum(), correct.size


def gradients(model: Model, state: TrainState, batch: Batch) -> tuple[Value, optax.Updates]:
    """Return the value of the model's loss, a loss or (loss, aux), and its gradients."""

    def loss_and_value(params: optax.Params) -> tuple[jax.Array, Value]:
        value = model.loss(params, batch[:-1], batch[-1], state)
        return _loss_and_aux(value)[0], value

    (_, value), grads = jax.value_and_grad(loss_and_value, has_aux=True)(state.params)
    return value, grads


def _loss_and_aux(value: Value) -> tuple[jax.Array, Mapping[str, optax.Params]]:
    return value if isinstance(value, tuple) else (value, {})


def _updated(program: Program, state: TrainState, grads: optax.Updates, aux: object) -> TrainState:
    """Return the state after an optimizer step."""
    assert program.trainer is not None
    trainer = program.trainer()
    assert trainer is not None
    if trainer.gradient_clip_val > 0:
        grads = trainer.clip_gradients(trainer.gradient_clip_val, grads)
    state = state.apply_gradients(grads=grads)
    stats = aux["batch_stats"] if isinstance(aux, Mapping) and "batch_stats" in aux else None
    return state.replace(
        dropout_rng=jax.random.split(state.dropout_rng)[0],
        batch_stats=state.batch_stats if stats is None else stats,
    )


def _outputs(model: Model, state: TrainState, inputs: Batch) -> jax.Array:
    return model.outputs(state.params, inputs, state)[0]


def _score_gradients(
    model: Model, state: TrainState, features: jax.Array, labels: jax.Array
) -> jax.Array:
    """Return the gradients of the score of each example's label with regard to its features."""

    def total(features: jax.Array) -> jax.Array:
        scores = _outputs(model, state, (features,))
        return jnp.take_along_axis(scores, labels[:, None], axis=1).sum()

    return jax.grad(total)(features)


# Single calls, for the step path


def applied(function: Callable[..., T], model: Model, state: TrainState, *arrays: object) -> T:
    """Return ``function(model, state, *arrays)``, compiled."""
    program, arrays = Program(model, state), (carried(state), *arrays)
    return call(model.trainer, program, _applied, *arrays, static=(function,))


def _applied(program: Program, function: Callable[..., T], carry: Carry, *arrays: object) -> T:
    return function(*program.traced(carry), *program.divided(arrays))


def update(trainer: Trainer, grads: optax.Updates, aux: object) -> TrainState:
    """Return the state of ``trainer.model`` after an optimizer step, compiled."""
    state = state_of(trainer.model)
    program = Program(trainer.model, state, trainer)
    return state.replace(**call(trainer, program, _update, carried(state), grads, aux))


def _update(program: Program, carry: Carry, grads: optax.Updates, aux: object) -> Carry:
    _, state = program.traced(carry)
    return carried(_updated(program, state, grads, aux))
