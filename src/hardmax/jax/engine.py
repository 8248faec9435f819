"""JAX's own fastest way through a stretch of batches: the whole of it compiled, once."""

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
from hardmax.training.loaders import Stretch

__all__ = ["Program", "TrainState", "applied", "carried", "evaluate", "scores", "train", "update"]

#: What a model carries for others; compiled code does not look at it.
CARRIED = {
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
    """What training changes: parameters, optimizer, BatchNorm's statistics, the dropout key."""

    batch_stats: Any
    dropout_rng: jax.Array


def carried(state: Any) -> dict[str, Any]:
    """Return the arrays of a state, by the names of its fields."""
    return {name: value for name, value in vars(state).items() if name not in ("apply_fn", "tx")}


class Program:
    """A model and an optimizer as compiled code sees them: what they do, but no arrays.

    Programs that do the same have equal keys, so that what was compiled for one serves the others,
    in this fit and in later ones. The model is held weakly: compiled code outlives models.
    """

    def __init__(self, model: Any, state: Any, trainer: Any = None):
        self.model = weakref.ref(model)
        self.trainer: Any = trainer and weakref.ref(trainer)
        self.kind, self.tx = type(state), state.tx
        # An optimizer whose settings are plain attributes, as the book's SGD, does what they say.
        optimizer = getattr(self.tx, "__dict__", None)
        clip = (trainer.clip_gradients, trainer.gradient_clip_val) if trainer else (None, 0)
        clips = getattr(clip[0], "__func__", clip[0])
        settings = (self.settings(model), optimizer, clip[1])
        home = type(model).__module__
        self.key = (self.code(model, clips, home), fingerprint(settings, home))

    def settings(self, model: Any) -> dict[str, Any]:
        """Return a model's attributes, without those that are Flax's own or of no matter here."""
        fields = type(model).__dataclass_fields__
        return {
            name: value
            for name, value in vars(model).items()
            if name not in CARRIED and (name in fields or not name.startswith("_"))
        }

    def code(self, model: Any, clips: Any, home: str) -> Hashable:
        """Return the key of what model and optimizer do; it is made once in a fit."""
        optimizer = type(self.tx) if hasattr(self.tx, "__dict__") else self.tx
        kind = (type(model), id(self.tx), clips)
        known = getattr(model.trainer, "codes", None)
        if known is None:
            return fingerprint((type(model), optimizer, clips), home)
        if kind not in known:
            # The optimizer is kept with its key, so that its id stays its own.
            known[kind] = (fingerprint((type(model), optimizer, clips), home), self.tx)
        return known[kind][0]

    def traced(self, carry: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the model and its state, while JAX traces."""
        model = self.model()
        assert model is not None
        return model, self.kind(apply_fn=model.apply, tx=self.tx, **carry)


#: What was compiled, the latest last, and how much of it is kept.
COMPILED: OrderedDict[Hashable, Any] = OrderedDict()
KEPT = 256


def _call(trainer: Any, function: Callable, program: Program, *arrays: Any, plan: Any = ()) -> Any:
    """Return ``function(program, *plan, *arrays)``, compiled unless that is under way already.

    ``trainer`` is told the seconds that compiling took.
    """
    arrays = jax.tree.map(lambda a: a if hasattr(a, "shape") else jnp.asarray(a), arrays)
    leaves, structure = jax.tree.flatten(arrays)
    planned = partial(function, program, *plan)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return planned(*arrays)
    kinds = tuple((a.shape, a.dtype, getattr(a, "sharding", None)) for a in leaves)
    key = (function, program.key, plan, structure, kinds, jax.config.read("jax_enable_x64"))
    start = time.perf_counter()
    compiled, is_new = _kept(key, lambda: jax.jit(planned).lower(*arrays).compile())
    if is_new and trainer is not None:
        trainer.compile_seconds += time.perf_counter() - start
    return compiled(*arrays)


def _kept(key: Hashable, make: Callable) -> tuple[Any, bool]:
    """Return what was made for a key, and whether that was just now."""
    is_new = key not in COMPILED
    if is_new:
        COMPILED[key] = make()
        if len(COMPILED) > KEPT:
            COMPILED.popitem(last=False)
    COMPILED.move_to_end(key)
    return COMPILED[key], is_new


# The engine's contract


def train(trainer: Any, stretch: Iterable) -> Steps:
    """Take a step of ``trainer.optim`` on every batch of a stretch; return the steps.

    The model's own ``loss`` is called, and its ``accuracy`` if that is hardmax's own: somebody
    else's is made for validation. The host waits for the device once, at the end.
    """
    model = trainer.model
    model.training = True
    program = Program(model, model.train_state, trainer)
    carry, results = _run(trainer, program, _train_step, carried(model.train_state), stretch)
    model.train_state = model.train_state.replace(**carry)
    return _steps(results, _train_counter(model))


def evaluate(trainer: Any, model: Any, stretch: Iterable) -> Steps:
    """Return the steps of a model that is not trained, over a stretch of batches."""
    model.training = False
    program = Program(model, model.train_state)
    _, results = _run(trainer, program, _evaluate_step, carried(model.train_state), stretch)
    return _steps(results, counter(model))


def scores(trainer: Any, model: Any, loader: Iterable) -> np.ndarray:
    """Return the outputs of a model that is not trained, float32 of shape (examples, classes)."""
    model.training = False
    batches = (trainer.prepare_batch(batch)[:-1] for batch in loader)
    outputs = [applied(_outputs, model, model.train_state, inputs) for inputs in batches]
    return np.concatenate([np.asarray(out, np.float32) for out in outputs])


# Batches in a row


def _run(
    trainer: Any, program: Program, step: Callable, carry: dict[str, Any], stretch: Iterable
) -> tuple[dict[str, Any], list[Any]]:
    """Take a step on every batch; return what it leaves and each batch's results."""
    if not isinstance(stretch, Stretch) or _loops_badly(program, step, carry, stretch):
        results = []
        for batch in stretch:
            carry, once = _call(trainer, step, program, carry, trainer.prepare_batch(batch))
            results.append((once, 1))
        return carry, results
    loader: Any = stretch.loader
    whole, rest = divmod(stretch.stop - stretch.start, loader.batch_size)
    plan = (step, loader.pictures, loader.batch_size, loader.count)
    bounds = (np.int32(stretch.start), np.int32(whole), np.bool_(rest))
    arrays = (carry, loader.tensors, stretch.order, *bounds)
    carry, looped = _call(trainer, _loop, program, *arrays, plan=plan)
    return carry, [(looped, whole + bool(rest))]


def _loops_badly(
    program: Program, step: Callable, carry: dict[str, Any], stretch: Iterable
) -> bool:
    """Tell whether a step has convolutions and runs on CPUs.

    There XLA gives a convolution within a loop one core, and a third of the speed.
    """
    if jax.tree.leaves(carry)[0].device.platform != "cpu":
        return False

    def look() -> bool:
        traced = jax.jit(partial(step, program)).trace(carry, next(iter(stretch)))
        return "conv_general_dilated" in str(traced.jaxpr)

    return _kept((_loops_badly, step, program.key), look)[0]


def _loop(
    program: Program,
    step: Callable,
    pictures: bool,
    size: int,
    count: int,
    carry: dict[str, Any],
    tensors: tuple[jax.Array, ...],
    order: jax.Array | None,
    start: jax.Array,
    whole: jax.Array,
    has_rest: jax.Array,
) -> tuple[dict[str, Any], tuple[jax.Array, ...]]:
    """Take ``whole`` steps from position ``start`` on, and one on the epoch's short last batch.

    Returns what they leave and their results. One compilation serves all stretches of ``count``
    examples, of any length: there is room for the results of an epoch.
    """

    def body(i: jax.Array, held: tuple, taken: int = size) -> tuple:
        carry, results = held
        at = start + i * size
        carry, found = _single(program, step, pictures, taken, carry, tensors, order, at)
        return carry, tuple(all.at[i].set(one) for all, one in zip(results, found, strict=True))

    dtypes = (jnp.result_type(float), jnp.int32, jnp.int32)
    held = (carry, tuple(jnp.zeros(-(-count // size), dtype) for dtype in dtypes))
    if count >= size:
        held = lax.fori_loop(0, whole, body, held)
    if count % size:
        last = partial(body, whole, taken=count % size)
        held = lax.cond(has_rest, last, lambda held: held, held)
    return held


def _single(
    program: Program,
    step: Callable,
    pictures: bool,
    size: int,
    carry: dict[str, Any],
    tensors: tuple[jax.Array, ...],
    order: jax.Array | None,
    start: jax.Array,
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Take a step on the ``size`` examples from position ``start`` on."""
    if order is None:
        batch = tuple(lax.dynamic_slice_in_dim(a, start, size) for a in tensors)
    else:
        rows = lax.dynamic_slice_in_dim(order, start, size)
        batch = tuple(a.at[rows].get(mode="promise_in_bounds") for a in tensors)
    return step(program, carry, floats(batch, pictures))


def _steps(results: list[Any], accuracy: Callable | None) -> Steps:
    """Fetch the results of batches: each loss, how many right decisions of how many."""
    fetched = [
        [np.atleast_1d(np.asarray(one))[:count] for one in found] for found, count in results
    ]
    return Steps.joined(fetched, decides=accuracy is not None)


# One step, as JAX traces it


def _train_step(program: Program, carry: dict[str, Any], batch: tuple) -> Any:
    model, state = program.traced(carry)
    value, grads = gradients(model, state, batch)
    loss, aux = _loss_and_aux(value)
    found = (loss, *_counts(_train_counter(model), state, batch))
    return carried(_updated(program, state, grads, aux)), found


def _evaluate_step(program: Program, carry: dict[str, Any], batch: tuple) -> Any:
    model, state = program.traced(carry)
    loss, _ = _loss_and_aux(model.loss(state.params, batch[:-1], batch[-1], state))
    return carry, (loss, *_counts(counter(model), state, batch))


def _train_counter(model: Any) -> Callable | None:
    return counter(model) if is_step_hook(getattr(model, "accuracy", None)) else None


def _counts(accuracy: Callable | None, state: Any, batch: tuple) -> tuple[Any, int]:
    """Return how many decisions are right, and of how many."""
    if accuracy is None:
        return 0, len(batch[-1])
    right = accuracy(state.params, batch[:-1], batch[-1], state, averaged=False)
    return right.sum().astype(jnp.int32), right.size


def gradients(model: Any, state: Any, batch: tuple) -> tuple[Any, Any]:
    """Return what the model's loss gives, a loss or (loss, aux), and the loss's gradients."""

    def told(params: Any) -> tuple[jax.Array, Any]:
        value = model.loss(params, batch[:-1], batch[-1], state)
        return _loss_and_aux(value)[0], value

    (_, value), grads = jax.value_and_grad(told, has_aux=True)(state.params)
    return value, grads


def _loss_and_aux(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, {})


def _updated(program: Program, state: Any, grads: Any, aux: Any) -> Any:
    """Return the state behind a step of the optimizer."""
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


# Single calls, for the step-by-step road


def applied(function: Callable, model: Any, state: Any, *arrays: Any) -> Any:
    """Return ``function(model, state, *arrays)``, compiled."""
    plan = (function,)
    return _call(model.trainer, _applied, Program(model, state), carried(state), *arrays, plan=plan)


def _applied(program: Program, function: Callable, carry: dict[str, Any], *arrays: Any) -> Any:
    return function(*program.traced(carry), *arrays)


def update(trainer: Any, grads: Any, aux: Any) -> Any:
    """Return the state of ``trainer.model`` behind a step of the optimizer, compiled."""
    state = trainer.model.train_state
    program = Program(trainer.model, state, trainer)
    return state.replace(**_call(trainer, _update, program, carried(state), grads, aux))


def _update(program: Program, carry: dict[str, Any], grads: Any, aux: Any) -> dict[str, Any]:
    _, state = program.traced(carry)
    return carried(_updated(program, state, grads, aux))
