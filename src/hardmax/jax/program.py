"""Programs: the behavior of models, compiled once for all that do the same."""

import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

import jax
import optax
from flax.training import train_state
from jax import lax
from jax import numpy as jnp
from jax.sharding import NamedSharding

from hardmax.jax.runtime import by_example, put
from hardmax.training.compiled import Cache
from hardmax.training.fingerprints import fingerprint
from hardmax.training.labels import Labels

__all__ = [
    "Batch",
    "Carry",
    "Model",
    "Program",
    "TrainState",
    "Trainer",
    "Value",
    "call",
    "carried",
    "state_of",
]

T = TypeVar("T")
Batch: TypeAlias = tuple[jax.Array, ...]
#: The arrays of a state by field name.
Carry: TypeAlias = Mapping[str, optax.Params]
#: What a model's ``loss`` returns: a loss, or (loss, aux).
Value: TypeAlias = jax.Array | tuple[jax.Array, Mapping[str, optax.Params]]

#: Attributes of a model that compiled code does not read.
IGNORED = {
    "board",
    "name",
    "parent",
    "plot_train_per_epoch",
    "plot_valid_per_epoch",
    "scope",
    "settings",
    "train_state",
    "trainer",
}


class TrainState(train_state.TrainState):
    """What training updates: parameters, optimizer, BatchNorm statistics, dropout key."""

    batch_stats: optax.Params
    dropout_rng: jax.Array


class Model(Protocol):
    """A model, as the engine sees it."""

    train_state: TrainState | None
    training: bool
    trainer: "Trainer | None"

    @property
    def apply(self) -> Callable[..., object]:
        """Flax's function of variables and inputs."""

    @property
    def loss(self) -> Callable[..., Value]:
        """The loss of parameters, inputs, labels and a state."""

    def outputs(
        self, params: optax.Params, X: Batch, state: TrainState
    ) -> tuple[jax.Array, Mapping[str, optax.Params]]:
        """Return the outputs for the inputs, and BatchNorm's new statistics."""


class Trainer(Protocol):
    """The trainer, as the engine sees it; ``codes`` are keys of code during a fit."""

    gradient_clip_val: float
    compile_seconds: float
    codes: dict[Hashable, tuple[Hashable, object]] | None
    labels: Labels | None

    @property
    def model(self) -> Model:
        """The model that is being fitted."""

    def prepare_batch(self, batch: Sequence[jax.Array]) -> Batch:
        """Return a batch's arrays on the run's device."""

    def clip_gradients(self, grad_clip_val: float, grads: optax.Updates) -> optax.Updates:
        """Return gradients scaled so that their global norm is at most ``grad_clip_val``."""


def state_of(model: Model) -> TrainState:
    """Return the state of a model that has weights."""
    assert model.train_state is not None
    return model.train_state


def carried(state: TrainState) -> Carry:
    """Return the arrays of a state by field name."""
    return {name: value for name, value in vars(state).items() if name not in ("apply_fn", "tx")}


class Program:
    """The behavior of a model and an optimizer, without their arrays.

    Programs with the same behavior have equal keys, so that they share compiled code, in this fit
    and in later ones. The reference to the model is weak: compiled code outlives models.
    """

    def __init__(self, model: Model, state: TrainState, trainer: Trainer | None = None):
        self.model = weakref.ref(model)
        self.trainer = None if trainer is None else weakref.ref(trainer)
        self.kind, self.tx = type(state), state.tx
        # Plain attributes of an optimizer, such as the book's SGD, are its settings.
        optimizer = getattr(self.tx, "__dict__", None)
        clip = (trainer.clip_gradients, trainer.gradient_clip_val) if trainer else (None, 0)
        clips = getattr(clip[0], "__func__", clip[0])
        settings = (self.settings(model), optimizer, clip[1])
        home = type(model).__module__
        self.key = (self.code(model, clips, home), fingerprint(settings, home))
        self.sharding = _sharding(state)

    def settings(self, model: Model) -> dict[str, object]:
        """Return a model's attributes, except Flax's own and IGNORED."""
        fields = getattr(type(model), "__dataclass_fields__", {})
        return {
            name: value
            for name, value in vars(model).items()
            if name not in IGNORED and (name in fields or not name.startswith("_"))
        }

    def code(self, model: Model, clips: object, home: str) -> Hashable:
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

    def traced(self, carry: Carry) -> tuple[Model, TrainState]:
        """Return the model and its state during tracing."""
        model = self.model()
        assert model is not None
        return model, self.kind(apply_fn=model.apply, tx=self.tx, **carry)

    def divided(self, batch: T) -> T:
        """Return the arrays of a batch during tracing, whose examples several processes divide."""
        if self.sharding is None:
            return batch
        return lax.with_sharding_constraint(batch, by_example(self.sharding))


def _sharding(state: TrainState) -> NamedSharding | None:
    """Return the sharding of a state that all of several processes have."""
    key = state.dropout_rng
    if isinstance(key, jax.core.Tracer) or key.is_fully_addressable:
        return None
    assert isinstance(key.sharding, NamedSharding)
    return key.sharding


#: Compiled functions by what they do.
COMPILED: Cache[jax.stages.Compiled] = Cache(256)


def call(
    trainer: Trainer | None,
    program: Program,
    function: Callable[..., T],
    *arrays: object,
    static: tuple[Hashable, ...] = (),
) -> T:
    """Return ``function(program, *static, *arrays)``, compiled unless JAX is already tracing."""
    arrays = jax.tree.map(lambda a: a if hasattr(a, "shape") else jnp.asarray(a), arrays)
    leaves, structure = jax.tree.flatten(arrays)
    planned = partial(function, program, *static)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return planned(*arrays)
    if program.sharding is not None:
        arrays = put(arrays, program.sharding)
        leaves = jax.tree.leaves(arrays)
    kinds = tuple((a.shape, a.dtype, getattr(a, "sharding", None)) for a in leaves)
    key = (function, program.key, static, structure, kinds, jax.config.read("jax_enable_x64"))
    return COMPILED.get(
        key,
        lambda: jax.jit(planned, out_shardings=program.sharding).lower(*arrays).compile(),
        trainer,
    )(*arrays)
