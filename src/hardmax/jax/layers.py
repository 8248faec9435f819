"""Builds an architecture from Flax layers, and gets and sets its weights."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import jax
import numpy as np
import optax
from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from flax.linen.linear import default_kernel_init
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import lax
from jax import numpy as jnp
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike

from hardmax.errors import ArgumentError
from hardmax.jax import image_layers, table_layers
from hardmax.jax.module import Module
from hardmax.jax.program import TrainState
from hardmax.jax.tensors import get_key
from hardmax.networks.layers import (
    MOMENTUM,
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Ensemble,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Normalize,
    Pad,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Resize,
    Scale,
    Sequence,
)
from hardmax.networks.layouts import Portable, check_fit, from_channels_last, to_channels_last
from hardmax.networks.shapes import STATISTICS, Place, walk, weight_shapes

__all__ = [
    "build",
    "flatten",
    "get_weights",
    "parameter_tree",
    "scale_dropout",
    "set_variables",
    "set_weights",
]

T = TypeVar("T")
Forward = Callable[[jax.Array], jax.Array]

ACTIVATIONS: dict[str, Forward] = {
    "relu": nn.relu,
    "relu6": nn.relu6,
    "sigmoid": nn.sigmoid,
    "tanh": nn.tanh,
}

#: Flax's names of the weights of Linear and Conv layers and of BatchNorm, where they differ.
KERNELS = {"weight": "kernel"}
SCALES = {"weight": "scale", "running_mean": "mean", "running_var": "var"}

#: The collection of variables that are not trained: BatchNorm's statistics, Dropout's rates.
VARIABLES = "batch_stats"

#: The largest kernel for which a convolution is computed as a sum of shifted images.
LARGEST_SUM = 5


def build(
    network: Network,
    training: bool,
    kernel_init: Initializer = default_kernel_init,
    dtype: DTypeLike | None = None,
) -> Forward:
    """Return the network, in training mode or not; its i-th layer is named ``layers_i``.

    Its layers compute in ``dtype``, by default that of their inputs and weights.
    """
    layers = [_layer(layer, training, kernel_init, dtype) for layer in network]
    return nn.Sequential(layers) if layers else _same


def _layer(
    layer: Layer, training: bool, kernel_init: Initializer, dtype: DTypeLike | None
) -> Forward:
    inner = partial(build, training=training, kernel_init=kernel_init, dtype=dtype)
    match layer:
        case Resize(height, width):
            return partial(image_layers.resize, height=height, width=width)
        case Normalize(mean, std):
            return partial(image_layers.normalize, mean=mean, std=std)
        case Pad(rows, columns):
            return partial(jnp.pad, pad_width=((0, 0), rows, columns, (0, 0)))
        case Flatten():
            return flatten
        case Linear(outputs, bias):
            return nn.Dense(
                outputs, bias, dtype=dtype, kernel_init=kernel_init, promote_dtype=_promoted
            )
        case Conv(outputs, kernel, stride, padding, groups, bias):
            return nn.Conv(
                outputs,
                (kernel, kernel),
                (stride, stride),
                padding,
                feature_group_count=groups,
                use_bias=bias,
                dtype=dtype,
                kernel_init=kernel_init,
                promote_dtype=_promoted,
                conv_general_dilated=_convolve if kernel <= LARGEST_SUM else None,
            )
        case BatchNorm(epsilon, frozen):
            # The fast variance, E[x^2] - E[x]^2, loses digits.
            return nn.BatchNorm(
                frozen or not training,
                momentum=MOMENTUM,
                epsilon=epsilon,
                dtype=dtype,
                use_fast_variance=False,
            )
        case Pool(kind, size, stride, padding):
            pool = nn.max_pool if kind == "max" else _average_pool
            return partial(
                pool,
                window_shape=(size, size),
                strides=(stride, stride),
                padding=((padding, padding),) * 2,
            )
        case GlobalPool():
            return partial(jnp.mean, axis=(1, 2))
        case Activation(function):
            return ACTIVATIONS[function]
        case Dropout(rate, "constant"):
            return nn.Dropout(rate, deterministic=not training)
        case Dropout(rate):
            return _ScheduledDropout(rate, training)
        case Scale():
            return table_layers.Scale()
        case PeriodicEmbedding(frequencies, outputs, features):
            return table_layers.PeriodicEmbedding(frequencies, outputs - 1, features)
        case PiecewiseLinear():
            return table_layers.PiecewiseLinear(layer)
        case ParametricSELU():
            return table_layers.ParametricSELU()
        case Sequence(layers):
            return inner(layers)
        case Residual(body, shortcut):
            return _Residual(inner(body), inner(shortcut))
        case Concat(branches):
            return _Concat([*map(inner, branches)])
        case Ensemble(member, count):
            return _Ensemble([inner(member) for _ in range(count)])
    raise AssertionError(layer)


def flatten(X: jax.Array) -> jax.Array:
    """Return each example as a vector: shape (examples, ...) becomes (examples, features)."""
    return X.reshape(X.shape[0], -1)


def _promoted(*arrays: jax.Array | None, **options: Any) -> list[jax.Array | None]:
    """Return inputs and weights in a type; a bias stays, as its gradient sums over all pixels."""
    *narrowed, bias = arrays
    return [*promote_dtype(*narrowed, **options), bias]


def _average_pool(X: jax.Array, **window: Any) -> jax.Array:
    """Return ``nn.avg_pool``, whose sums are at least float32."""
    wide = X.astype(jnp.promote_types(X.dtype, jnp.float32))
    return nn.avg_pool(wide, **window).astype(X.dtype)


def _convolve(
    X: jax.Array,
    kernel: jax.Array,
    strides: tuple[int, ...],
    padding: list[tuple[int, int]],
    **settings: Any,
) -> jax.Array:
    """Return ``lax.conv_general_dilated``, computed faster for one channel a group on CPUs.

    There XLA's convolution takes several times as long as a sum of shifted images.
    """
    convolve = partial(
        lax.conv_general_dilated, window_strides=strides, padding=padding, **settings
    )
    is_depthwise = X.shape[-1] == settings["feature_group_count"] == kernel.shape[-1]
    if not is_depthwise and (X.shape[-1] > 1 or max(strides) > 1):
        return convolve(X, kernel)
    summed = partial(_shifted_sum, strides=strides, padding=padding, is_depthwise=is_depthwise)
    return lax.platform_dependent(X, kernel, cpu=summed, default=convolve)


def _shifted_sum(
    X: jax.Array,
    kernel: jax.Array,
    strides: tuple[int, ...],
    padding: list[tuple[int, int]],
    is_depthwise: bool,
) -> jax.Array:
    # The sum is at least float32, as in other convolutions.
    dtype = X.dtype
    wide = jnp.promote_types(dtype, jnp.float32)
    X, kernel = jnp.pad(X, ((0, 0), *padding, (0, 0))).astype(wide), kernel.astype(wide)
    times = jnp.multiply if is_depthwise else jnp.matmul
    rows, columns = kernel.shape[:2]
    height, width = X.shape[1] - rows + 1, X.shape[2] - columns + 1
    terms = [
        times(X[:, i : i + height : strides[0], j : j + width : strides[1]], kernel[i, j])
        for i in range(rows)
        for j in range(columns)
    ]
    return sum(terms[1:], start=terms[0]).astype(dtype)


def _same(X: jax.Array) -> jax.Array:
    return X


class _ScheduledDropout(nn.Module):
    """Dropout whose probability is a variable, which ``scale_dropout`` sets."""

    rate: float
    training: bool

    @nn.compact
    def __call__(self, X: jax.Array) -> jax.Array:
        if not self.training:
            return X
        rate = self.variable(VARIABLES, "rate", jnp.float32, self.rate).value
        is_kept = jax.random.uniform(self.make_rng("dropout"), X.shape) >= rate
        return jnp.where(is_kept, X / (1 - rate), 0)


class _Residual(nn.Module):
    body: Forward
    shortcut: Forward

    def __call__(self, X: jax.Array) -> jax.Array:
        return self.body(X) + self.shortcut(X)


class _Concat(nn.Module):
    layers: list[Forward]

    def __call__(self, X: jax.Array) -> jax.Array:
        return jnp.concatenate([branch(X) for branch in self.layers], axis=-1)


class _Ensemble(nn.Module):
    layers: list[Forward]

    def __call__(self, X: jax.Array) -> jax.Array:
        members = jnp.stack([nn.log_softmax(member(X)) for member in self.layers])
        return jax.nn.logsumexp(members, axis=0) - math.log(len(self.layers))


def scale_dropout(model: Module, factor: float) -> None:
    """Multiply the probabilities of the scheduled Dropout layers by a factor."""
    state = model.train_state
    assert state is not None
    assert isinstance(model, Portable)
    rates = {
        (*_native_path(place), "rate"): jnp.float32(factor * place.layer.rate)
        for place in walk(model.network, model.example_shape)
        if isinstance(place.layer, Dropout) and place.layer.schedule != "constant"
    }
    if rates:
        variables = flatten_dict(state.batch_stats) | rates
        model.train_state = state.replace(batch_stats=unflatten_dict(variables))


def parameter_tree(model: Module, values: Mapping[str, T]) -> optax.Params:
    """Return values by portable name of the trained weights as a tree like the parameters."""
    paths = _paths(model)
    return unflatten_dict({paths[name][1:]: value for name, value in values.items()})


def get_weights(model: Module) -> dict[str, np.ndarray]:
    """Return copies of all weights by name.

    The names are portable for a model built from an architecture, and native otherwise.
    Raises ArgumentError if there are none yet.
    """
    state = model.train_state
    if state is None:
        raise ArgumentError(
            f"{type(model).__name__} has no weights yet; fit it, or set them with set_weights"
        )
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    if not isinstance(model, Portable):
        return {name: np.array(value) for name, value in flatten_dict(variables, sep=".").items()}
    native = flatten_dict(variables)
    weights = {name: np.asarray(native[path]) for name, path in _paths(model).items()}
    return from_channels_last(model.network, model.example_shape, weights)


def set_weights(model: Module, weights: Mapping[str, np.ndarray]) -> None:
    """Set the weights of a model.

    Raises RunError if a name or a shape does not match, before anything is changed. A custom
    model without weights accepts any.
    """
    if isinstance(model, Portable):
        check_fit(weight_shapes(model.network, model.example_shape), weights)
        native = to_channels_last(model.network, model.example_shape, weights)
        paths = _paths(model)
        set_variables(model, unflatten_dict({paths[name]: native[name] for name in native}))
        return
    if model.train_state is not None:
        current = get_weights(model)
        check_fit({name: value.shape for name, value in current.items()}, weights)
        weights = {name: array.astype(current[name].dtype) for name, array in weights.items()}
    set_variables(model, unflatten_dict(dict(weights), sep="."))


def set_variables(
    model: Module, variables: Mapping[str, object], dropout_rng: jax.Array | None = None
) -> None:
    """Set a model's Flax variables, and keep its optimizer."""
    arrays = jax.tree.map(jnp.array, variables)
    given = {name: arrays.get(name, {}) for name in ("params", "batch_stats")}
    if dropout_rng is not None or model.train_state is None:
        given["dropout_rng"] = get_key() if dropout_rng is None else dropout_rng
    if model.train_state is None:
        idle = optax.set_to_zero()
        model.train_state = TrainState.create(apply_fn=model.apply, tx=idle, **given)
    else:
        model.train_state = model.train_state.replace(**given)


def _paths(model: Any) -> dict[str, tuple[str, ...]]:
    """Return Flax's path of each portable weight of a model."""
    return {
        f"{place.name}.{kind}": _path(place, kind)
        for place in walk(model.network, model.example_shape)
        for kind in place.weights
    }


def _path(place: Place, kind: str) -> tuple[str, ...]:
    names: dict[str, str] = {}
    if isinstance(place.layer, BatchNorm):
        names = SCALES
    elif isinstance(place.layer, Linear | Conv):
        names = KERNELS
    collection = VARIABLES if kind in STATISTICS else "params"
    return (collection, *_native_path(place), names.get(kind, kind))


def _native_path(place: Place) -> tuple[str, ...]:
    """Return the path to a layer in Flax's variables."""
    parts = place.name.split(".")
    return ("net", *(f"layers_{part}" if part.isdigit() else part for part in parts))
