"""The fast path in JAX: runs a chunk of batches as one function, compiled once."""

import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np
from flax.training import train_state
from jax import lax
from jax import numpy as jnp

from hardmax.evaluation.totals import Steps
from hardmax.jax.data import floats
from hardmax.training.dispatch import counter, is_step_hook
from hardmax.training.fingerprints import fingerprint
from hardmax.training.loaders import Chunk

__all__ = ["Program", "TrainState", "applied", "carried", "evaluate", "scores", "train", "update"]

#: Attributes of a model that compiled code does not read.
IGNORED = {
    "board",
    "name",
    "parent",
    "plot_train_per_epoch",
    "plot_valid_per_epoch",
    "scope",
    "train_state",
    "trainer",
}


class TrainState(train_state.TrainState):
    """What training updates: parameters, optimizer, BatchNorm statistics, dropout key."""

    batch_stats: Any
    dropout_rng: jax.Array


def carried(state: Any) -> dict[str, Any]:
    """Return the arrays of a state by field name."""
    return {name: value for name, value in vars(state).items() if name not in ("apply_fn", "tx")}


class Program:
    """The behavior of a model and an optimizer, without their arrays.

    Programs with the same behavior have equal keys, so that they share compiled code, in this fit
    and in later ones. The reference to the model is weak: compiled code outlives models.
    """

    def __init__(self, model: Any, state: Any, trainer: Any = None):
        self.model = weakref.ref(model)
        self.trainer: Any = trainer and weakref.ref(trainer)
        self.kind, self.tx = type(state), state.tx
        # Plain attributes of an optimizer, such as the book's SGD, are its settings.
        optimizer = getattr(self.tx, "__dict__", None)
        clip = (trainer.clip_gradients, trainer.gradient_clip_val) if trainer else (None, 0)
        clips = getattr(clip[0], "__func__", clip[0])
        settings = (self.settings(model), optimizer, clip[1])
        home = type(model).__module__
        self.key = (self.code(model, clips, home), fingerprint(settings, home))

    def settings(self, model: Any) -> dict[str, Any]:
        """Return a model's attributes, except Flax's own and IGNORED."""
        fields = type(model).__dataclass_fields__
        return {
            name: value
            for name, value in vars(model).items()
            if name not in IGNORED and (name in fields or not name.startswith("_"))
        }

    def code(self, model: Any, clips: Any, home: str) -> Hashable:
        """Return the key of the code of the model and the optimizer, computed once per fit."""
        optimizer = type(self.tx) if hasattr(self.tx, "__dict__") else self.tx
        kind = (type(model), id(self.tx), clips)
        known = getattr(model.trainer, "codes", None)
        if known is None:
            return fingerprint((type(model), optimizer, clips), home)
        if kind not in known:
            # Keeps the optimizer alive, so that its id is not reused.
            known[kind] = (fingerprint((type(model), optimizer, clips), home), self.tx)
        return known[kind][0]

    def traced(self, carry: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the model and its state during tracing."""
        model = self.model()
        assert model is not None
        return model, self.kind(apply_fn=model.apply, tx=self.tx, **carry)


#: Compiled functions, most recently used last, and how many are kept.
COMPILED: OrderedDict[Hashable, Any] = OrderedDict()
MAX_COMPILED = 256


def _call(trainer: Any, function: Callable, program: Program, *arrays: Any, plan: Any = ()) -> Any:
    """Return ``function(program, *plan, *arrays)``, compiled unless JAX is already tracing.

    Adds the seconds that compiling took to ``trainer.compile_seconds``.
    """
    arrays = jax.tree.map(lambda a: a if hasattr(a, "shape") else jnp.asarray(a), arrays)
    leaves, structure = jax.tree.flatten(arrays)
    planned = partial(function, program, *plan)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return planned(*arrays)
    kinds = tuple((a.shape, a.dtype, getattr(a, "sharding", None)) for a in leaves)
    key = (function, program.key, plan, structure, kinds, jax.config.read("jax_enable_x64"))
    start = time.perf_counter()
    compiled, is_new = _cached(key, lambda: jax.jit(planned).lower(*arrays).compile())
    if is_new and trainer is not None:
        trainer.compile_seconds += time.perf_counter() - start
    return compiled(*arrays)


def _cached(key: Hashable, make: Callable) -> tuple[Any, bool]:
    """Return the cached value of a key, made if missing, and whether it is new."""
    is_new = key not in COMPILED
    if is_new:
        COMPILED[key] = make()
        if len(COMPILED) > MAX_COMPILED:
            COMPILED.popitem(last=False)
    COMPILED.move_to_end(key)
    return COMPILED[key], is_new


# The engine interface


def train(trainer: Any, chunk: Iterable) -> Steps:
    """Take an optimizer step on every batch of a chunk, and return the steps.

    Calls the model's ``loss``, and its ``accuracy`` unless overridden: an override may only work in
    validation. The host waits for the device once, at the end.
    """
    model = trainer.model
    model.training = True
    program = Program(model, model.train_state, trainer)
    carry, results = _run(trainer, program, _train_step, carried(model.train_state), chunk)
    model.train_state = model.train_state.replace(**carry)
    return _steps(results, _train_counter(model))


def evaluate(trainer: Any, model: Any, chunk: Iterable) -> Steps:
    """Evaluate a model on a chunk of batches, and return the steps."""
    model.training = False
    program = Program(model, model.train_state)
    _, results = _run(trainer, program, _evaluate_step, carried(model.train_state), chunk)
    return _steps(results, counter(model))


def scores(trainer: Any, model: Any, loader: Iterable) -> np.ndarray:
    """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""
    model.training = False
    batches = (trainer.prepare_batch(batch)[:-1] for batch in loader)
    outputs = [applied(_outputs, model, model.train_state, inputs) for inputs in batches]
    return np.concatenate([np.asarray(out, np.float32) for out in outputs])


# Loops over batches


def _run(
    trainer: Any, program: Program, step: Callable, carry: dict[str, Any], chunk: Iterable
) -> tuple[dict[str, Any], list[Any]]:
    """Take a step on every batch; return the final carry and each batch's results."""
    if not isinstance(chunk, Chunk) or _loops_slowly(program, step, carry, chunk):
        results = []
        for batch in chunk:
            carry, once = _call(trainer, step, program, carry, trainer.prepare_batch(batch))
            results.append((once, 1))
        return carry, results
    loader: Any = chunk.loader
    whole, rest = divmod(chunk.stop - chunk.start, loader.batch_size)
    plan = (step, loader.are_images, loader.batch_size, loader.count)
    bounds = (np.int32(chunk.start), np.int32(whole), np.bool_(rest))
    arrays = (carry, loader.tensors, chunk.order, *bounds)
    carry, looped = _call(trainer, _loop, program, *arrays, plan=plan)
    return carry, [(looped, whole + bool(rest))]


def _loops_slowly(program: Program, step: Callable, carry: dict[str, Any], chunk: Iterable) -> bool:
    """Return whether a step has convolutions and runs on a CPU.

    There XLA runs a convolution in a loop on one core, at a third of the speed.
    """
    if jax.tree.leaves(carry)[0].device.platform != "cpu":
        return False

    def has_convolution() -> bool:
        traced = jax.jit(partial(step, program)).trace(carry, next(iter(chunk)))
        return "conv_general_dilated" in str(traced.jaxpr)

    return _cached((_loops_slowly, step, program.key), has_convolution)[0]


def _loop(
    program: Program,
    step: Callable,
    are_images: bool,
    size: int,
    count: int,
    carry: dict[str, Any],
    tensors: tuple[jax.Array, ...],
    order: jax.Array | None,
    start: jax.Array,
    whole: jax.Array,
    has_rest: jax.Array,
) -> tuple[dict[str, Any], tuple[jax.Array, ...]]:
    """Take ``whole`` steps from position ``start``, and one on the epoch's short last batch.

    Returns the final carry and the results. One compilation serves chunks of any length of
    ``count`` examples, because the results have room for an epoch.
    """

    def body(i: jax.Array, loop_state: tuple, taken: int = size) -> tuple:
        carry, results = loop_state
        at = start + i * size
        carry, result = _single(program, step, are_images, taken, carry, tensors, order, at)
        return carry, tuple(all.at[i].set(one) for all, one in zip(results, result, strict=True))

    dtypes = (jnp.result_type(float), jnp.int32, jnp.int32)
    loop_state = (carry, tuple(jnp.zeros(-(-count // size), dtype) for dtype in dtypes))
    if count >= size:
        loop_state = lax.fori_loop(0, whole, body, loop_state)
    if count % size:
        last = partial(body, whole, taken=count % size)
        loop_state = lax.cond(has_rest, last, lambda loop_state: loop_state, loop_state)
    return loop_state


def _single(
    program: Program,
    step: Callable,
    are_images: bool,
    size: int,
    carry: dict[str, Any],
    tensors: tuple[jax.Array, ...],
    order: jax.Array | None,
    start: jax.Array,
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Take a step on the ``size`` examples from position ``start``."""
    if order is None:
        batch = tuple(lax.dynamic_slice_in_dim(a, start, size) for a in tensors)
    else:
        rows = lax.dynamic_slice_in_dim(order, start, size)
        batch = tuple(a.at[rows].get(mode="promise_in_bounds") for a in tensors)
    return step(program, carry, floats(batch, are_images))


def _steps(results: list[Any], accuracy: Callable | None) -> Steps:
    """Fetch the results of batches: losses, numbers of correct predictions, numbers of labels."""
    fetched = [
        [np.atleast_1d(np.asarray(one))[:count] for one in result] for result, count in results
    ]
    return Steps.joined(fetched, decides=accuracy is not None)


# One step, traced by JAX


def _train_step(program: Program, carry: dict[str, Any], batch: tuple) -> Any:
    model, state = program.traced(carry)
    value, grads = gradients(model, state, batch)
    loss, aux = _loss_and_aux(value)
    result = (loss, *_counts(_train_counter(model), state, batch))
    return carried(_updated(program, state, grads, aux)), result


def _evaluate_step(program: Program, carry: dict[str, Any], batch: tuple) -> Any:
    model, state = program.traced(carry)
    loss, _ = _loss_and_aux(model.loss(state.params, batch[:-1], batch[-1], state))
    return carry, (loss, *_counts(counter(model), state, batch))


def _train_counter(model: Any) -> Callable | None:
    return counter(model) if is_step_hook(getattr(model, "accuracy", None)) else None


def _counts(accuracy: Callable | None, state: Any, batch: tuple) -> tuple[Any, int]:
    """Return the number of correct predictions and the number of labels."""
    if accuracy is None:
        return 0, len(batch[-1])
    correct = accuracy(state.params, batch[:-1], batch[-1], state, averaged=False)
    return correct.sum().astype(jnp.int32), correct.size


def gradients(model: Any, state: Any, batch: tuple) -> tuple[Any, Any]:
    """Return the value of the model's loss, a loss or (loss, aux), and its gradients."""

    def loss_and_value(params: Any) -> tuple[jax.Array, Any]:
        value = model.loss(params, batch[:-1], batch[-1], state)
        return _loss_and_aux(value)[0], value

    (_, value), grads = jax.value_and_grad(loss_and_value, has_aux=True)(state.params)
    return value, grads


def _loss_and_aux(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, {})


def _updated(program: Program, state: Any, grads: Any, aux: Any) -> Any:
    """Return the state after an optimizer step."""
    trainer = program.trainer()
    if trainer.gradient_clip_val > 0:
        grads = trainer.clip_gradients(trainer.gradient_clip_val, grads)
    state = state.apply_gradients(grads=grads)
    stats = aux["batch_stats"] if isinstance(aux, Mapping) and "batch_stats" in aux else None
    return state.replace(
        dropout_rng=jax.random.split(state.dropout_rng)[0],
        batch_stats=state.batch_stats if stats is None else stats,
    )


def _outputs(model: Any, state: Any, inputs: tuple) -> Any:
    return model.outputs(state.params, inputs, state)[0]


# Single calls, for the step path


def applied(function: Callable, model: Any, state: Any, *arrays: Any) -> Any:
    """Return ``function(model, state, *arrays)``, compiled."""
    plan = (function,)
    return _call(model.trainer, _applied, Program(model, state), carried(state), *arrays, plan=plan)


def _applied(program: Program, function: Callable, carry: dict[str, Any], *arrays: Any) -> Any:
    return function(*program.traced(carry), *arrays)


def update(trainer: Any, grads: Any, aux: Any) -> Any:
    """Return the state of ``trainer.model`` after an optimizer step, compiled."""
    state = trainer.model.train_state
    program = Program(trainer.model, state, trainer)
    return state.replace(**_call(trainer, _update, program, carried(state), grads, aux))


def _update(program: Program, carry: dict[str, Any], grads: Any, aux: Any) -> dict[str, Any]:
    _, state = program.traced(carry)
    return carried(_updated(program, state, grads, aux))
