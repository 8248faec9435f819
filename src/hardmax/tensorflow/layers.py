"""Builds an architecture from Keras layers, and gets and sets its weights."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from hardmax.errors import ArgumentError
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
from hardmax.networks.shapes import Shape, walk, weight_shapes
from hardmax.tensorflow import image_layers, table_layers
from hardmax.tensorflow.collectives import are_together, moments
from hardmax.tensorflow.module import Module, scratch_weights
from hardmax.training.precision import BFLOAT16, FLOAT32

__all__ = [
    "build",
    "generator_states",
    "get_weights",
    "make_weights",
    "scale_dropout",
    "seed_generators",
    "separate_generators",
    "separate_seed",
    "set_precision",
    "set_weights",
    "trained_weights",
]

#: Keras's names of the weights of Linear and Conv layers and of BatchNorm, where they differ.
KERNELS = {"weight": "kernel"}
SCALES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def build(network: Network) -> tf.keras.Sequential:
    """Return the network; its layers create their weights when they see their first inputs."""
    return Sequential([_layer(layer) for layer in network])


def _layer(layer: Layer) -> tf.keras.layers.Layer:
    match layer:
        case Resize(height, width):
            return image_layers.Resize(height, width)
        case Normalize(mean, std):
            return image_layers.Normalize(mean, std)
        case Pad(rows, columns):
            return tf.keras.layers.ZeroPadding2D((rows, columns))
        case Flatten():
            return tf.keras.layers.Flatten()
        case Linear(outputs, bias):
            return Dense(outputs, use_bias=bias)
        case Conv(outputs, kernel, stride, padding, groups, bias):
            return Conv2D(padding, outputs, kernel, stride, groups=groups, use_bias=bias)
        case BatchNorm(epsilon, frozen):
            cls = _FrozenBatchNorm if frozen else BatchNormalization
            return cls(momentum=MOMENTUM, epsilon=epsilon)
        case Pool("max", size, stride, padding):
            return MaxPooling2D(padding, size, stride)
        case Pool("average", size, stride):
            return tf.keras.layers.AveragePooling2D(size, stride)
        case GlobalPool():
            return tf.keras.layers.GlobalAveragePooling2D()
        case Activation(function):
            return tf.keras.layers.Activation(function)
        case Dropout(rate, schedule):
            constant = schedule == "constant"
            return tf.keras.layers.Dropout(rate) if constant else _ScheduledDropout(rate)
        case Scale():
            return table_layers.Scale()
        case PeriodicEmbedding(frequencies, outputs, features):
            return table_layers.PeriodicEmbedding(frequencies, outputs - 1, features)
        case PiecewiseLinear():
            return table_layers.PiecewiseLinear(layer)
        case ParametricSELU():
            return table_layers.ParametricSELU()
        case Sequence(layers):
            return build(layers)
        case Residual(body, shortcut):
            return _Residual(_part(body), _part(shortcut))
        case Concat(branches):
            return _Concat([_part(branch) for branch in branches])
        case Ensemble(member, count):
            return _Ensemble([_part(member) for _ in range(count)])
    raise AssertionError(layer)


def _part(network: Network) -> tf.keras.layers.Layer:
    return build(network) if network else tf.keras.layers.Identity()


def _sides(padding: int) -> list[tuple[int, int]]:
    """Return the pixels to add before and after each axis of images, as TensorFlow takes them."""
    return [(0, 0), (padding, padding), (padding, padding), (0, 0)]


def _padded(shape: Shape, sides: list[tuple[int, int]]) -> Shape:
    """Return a shape (examples, height, width, channels) after padding."""
    pairs = zip(shape, sides, strict=True)
    return tuple(size and size + sum(pixels) for size, pixels in pairs)


class Sequential(tf.keras.Sequential):
    """Keras's class, which would give the layers float32 whatever the one before returns."""

    def __init__(self, layers: list[tf.keras.layers.Layer]):
        super().__init__(layers)
        self.autocast = False

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return the output of the last layer."""
        for layer in self.layers:
            X = layer(X)
        return X


class Dense(tf.keras.layers.Dense):
    """Keras's layer, with a bias that is always float32, as its gradient sums over all examples."""

    def add_weight(self, *arguments: Any, **options: Any) -> tf.Variable:
        """Return a new weight."""
        return super().add_weight(*arguments, autocast=options["name"] != "bias", **options)

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return the products with vectors (examples, features), plus the bias."""
        out = tf.matmul(X, tf.convert_to_tensor(self.kernel))
        # Keras adds a bias in this way, too, and sums round as they do there.
        return tf.nn.bias_add(tf.cast(out, self.bias.dtype), self.bias) if self.use_bias else out


class Conv2D(tf.keras.layers.Conv2D):
    """Keras's layer with equal padding on all sides, and with groups on CPUs."""

    def __init__(
        self, sides: int, outputs: int, kernel: int, stride: int, *, groups: int, use_bias: bool
    ):
        super().__init__(outputs, kernel, stride, groups=groups, use_bias=use_bias)
        self.sides = _sides(sides)
        keeps_size = stride == 1 and 2 * sides == kernel - 1
        # TensorFlow's gradients are several times slower with explicit padding.
        self.padding_mode = "SAME" if keeps_size else "VALID"
        self.needs_padding = sides > 0 and not keeps_size

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return the convolutions of images (examples, height, width, channels)."""
        out = self._convolved(tf.pad(X, self.sides) if self.needs_padding else X)
        return tf.nn.bias_add(out, self.bias) if self.use_bias else out

    def _convolved(self, X: tf.Tensor) -> tf.Tensor:
        kernel, mode = tf.convert_to_tensor(self.kernel), self.padding_mode
        if self.groups == self.filters == X.shape[-1] > 1:
            strides = (1, *self.strides, 1)
            return tf.nn.depthwise_conv2d(X, tf.transpose(kernel, (0, 1, 3, 2)), strides, mode)
        groups = zip(*(tf.split(whole, self.groups, axis=-1) for whole in (X, kernel)), strict=True)
        outputs = [tf.nn.conv2d(x, part, self.strides, mode) for x, part in groups]
        return tf.concat(outputs, -1) if self.groups > 1 else outputs[0]

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the output shape for images of ``shape``."""
        return super().compute_output_shape(_padded(shape, self.sides))


class MaxPooling2D(tf.keras.layers.MaxPooling2D):
    """Keras's layer with equal padding on all sides, which the maximum ignores."""

    def __init__(self, sides: int, size: int, stride: int):
        super().__init__(size, stride)
        self.sides = _sides(sides)

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return the maxima of images (examples, height, width, channels)."""
        return tf.nn.max_pool2d(X, self.pool_size, self.strides, self.sides)

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the output shape for images of ``shape``."""
        return super().compute_output_shape(_padded(shape, self.sides))


class BatchNormalization(tf.keras.layers.BatchNormalization):
    """Keras's layer, which would exchange more between several processes, and round more."""

    def _moments(self, X: tf.Tensor, mask: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        if are_together():
            return moments(X, self._reduction_axes)
        return super()._moments(X, mask)


class _FrozenBatchNorm(tf.keras.layers.BatchNormalization):
    """Normalizes images or vectors by its moving statistics, which stay as they are."""

    def call(self, X: tf.Tensor) -> tf.Tensor:
        """Return the normalized inputs."""
        return super().call(X, training=False)


class _ScheduledDropout(tf.keras.layers.Layer):
    """Dropout whose probability is a variable, which ``scale_dropout`` sets."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate
        self.seed_generator = tf.keras.random.SeedGenerator()

    def build(self, shape: Shape) -> None:
        """Create the variable."""
        self.current = self.add_weight((), name="rate", trainable=False)
        self.current.assign(self.rate)

    def call(self, X: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the elements that are kept, scaled up."""
        if not training:
            return X
        drawn = tf.keras.random.uniform(tf.shape(X), seed=self.seed_generator)
        rate = tf.convert_to_tensor(self.current)
        return tf.where(drawn >= rate, X / (1 - rate), 0.0)


class _Residual(tf.keras.layers.Layer):
    def __init__(self, body: tf.keras.layers.Layer, shortcut: tf.keras.layers.Layer):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def call(self, X: tf.Tensor) -> tf.Tensor:
        return self.body(X) + self.shortcut(X)


class _Concat(tf.keras.layers.Layer):
    def __init__(self, branches: list[tf.keras.layers.Layer]):
        super().__init__()
        self.layers = branches

    def call(self, X: tf.Tensor) -> tf.Tensor:
        return tf.concat([branch(X) for branch in self.layers], axis=-1)


class _Ensemble(_Concat):
    def call(self, X: tf.Tensor) -> tf.Tensor:
        members = tf.stack([tf.nn.log_softmax(member(X)) for member in self.layers])
        return tf.reduce_logsumexp(members, axis=0) - math.log(len(self.layers))


def make_weights(net: tf.keras.Sequential, example_shape: Shape) -> None:
    """Create a network's weights for examples of shape (height, width, channels).

    Vectors have shape (features,).
    """
    net(tf.zeros((1, *example_shape)), training=False)


def set_precision(net: tf.keras.Sequential, precision: str) -> None:
    """Let a network's layers compute in float32 or bfloat16, but for those that prepare images."""
    policy = tf.keras.DTypePolicy("mixed_bfloat16" if precision == BFLOAT16 else FLOAT32)
    for layer in net._flatten_layers():
        if not isinstance(layer, image_layers.Resize | image_layers.Normalize):
            layer.dtype_policy = policy


def scale_dropout(model: Module, factor: float) -> None:
    """Multiply the probabilities of the scheduled Dropout layers by a factor."""
    for layer in model._flatten_layers():
        if isinstance(layer, _ScheduledDropout):
            layer.current.assign(factor * layer.rate)


def trained_weights(model: Module) -> dict[str, tf.Variable]:
    """Return the trained weights of a model that is built from an architecture, by name."""
    return {name: value for name, value in _weights(model).items() if value.trainable}


def get_weights(model: Module) -> dict[str, np.ndarray]:
    """Return copies of all weights by name, including plain variables that are trained.

    The names are portable for a model built from an architecture; otherwise Keras's weights are
    numbered in Keras's order. Raises ArgumentError if there are none yet.
    """
    weights = {name: value.numpy().copy() for name, value in _weights(model).items()}
    if not isinstance(model, Portable):
        return weights
    return from_channels_last(model.network, model.example_shape, weights)


def set_weights(model: Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights into a model in place.

    Raises RunError if a name or a shape does not match, before anything is changed.
    """
    current = _weights(model)
    if isinstance(model, Portable):
        shape = model.example_shape
        check_fit(weight_shapes(model.network, shape), weights)
        weights = to_channels_last(model.network, shape, weights)
    else:
        check_fit({name: tuple(value.shape) for name, value in current.items()}, weights)
    for name, value in current.items():
        value.assign(weights[name])


def _weights(model: Module) -> dict[str, tf.Variable]:
    if isinstance(model, Portable):
        return dict(_portable(model, model.net))
    weights = {f"keras.{i}.{value.name}": value for i, value in enumerate(model.weights)}
    weights |= dict(scratch_weights(model))
    if not weights:
        raise ArgumentError(
            f"{type(model).__name__} has no weights yet; call it on a batch, so that its layers "
            "create them, or keep them in its attributes as variables"
        )
    return weights


def _portable(model: Portable, net: tf.keras.Sequential) -> Iterator[tuple[str, tf.Variable]]:
    """Yield (portable name, variable) of a model's weights."""
    for place in walk(model.network, model.example_shape):
        if not place.weights:
            continue
        layer = net
        for part in place.name.split("."):
            layer = layer.layers[int(part)] if part.isdigit() else getattr(layer, part)
        names: dict[str, str] = {}
        if isinstance(place.layer, BatchNorm):
            names = SCALES
        elif isinstance(place.layer, Linear | Conv):
            names = KERNELS
        for kind in place.weights:
            yield f"{place.name}.{kind}", getattr(layer, names.get(kind, kind))


def seed_generators(model: tf.keras.Model, seed: int) -> None:
    """Seed the random generators of Keras layers such as Dropout."""
    for i, state in enumerate(generator_states(model)):
        numbers = np.random.default_rng([seed, i]).integers(2**31, size=state.shape)
        state.assign(numbers)


def separate_generators(model: tf.keras.Model, rank: int) -> None:
    """Give a process generators of its own, seeded by those that the first has by now."""
    if rank:
        for state in generator_states(model):
            seed, count = state.numpy()
            state.assign([separate_seed(int(seed), rank), int(count)])


def separate_seed(seed: int, rank: int) -> int:
    """Return the seed of another process than the first, which has ``seed``."""
    return int(np.random.default_rng([seed, rank]).integers(2**31))


def generator_states(model: tf.keras.Model) -> list[tf.Variable]:
    """Return the states of the random generators of Keras layers such as Dropout."""
    return [v for v in model.variables if v.name == "seed_generator_state"]
