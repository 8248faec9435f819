"""Shape inference: layer shapes, weights and FLOPs of a network, without any framework.

The shape of an example is (height, width, channels), or (features,) for a vector. A weight is
named by the path to its layer: ``0.weight``, ``3.body.1.running_mean``.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from math import prod

from hardmax.errors import ArgumentError
from hardmax.networks.layers import (
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
    parts,
)

__all__ = ["Place", "Shape", "fitted", "output_shape", "walk", "weight_count", "weight_shapes"]

Shape = tuple[int, ...]

#: The largest number of features that ``fitted`` leaves to a PeriodicEmbedding: many features are
#: mostly categories or counts, which have few values, and the time grows with their number.
MAX_EMBEDDED = 500

#: BatchNorm's running statistics. They are not trained, so they do not count as weights.
STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class Place:
    """A layer in a network: its name, and the shapes of one example before and after it.

    ``weights`` are the shapes of its weights, channels first, including BatchNorm's statistics.
    ``image`` is the shape of the image that was flattened into its input, or None if the order of
    the features does not matter. ``flops`` are its multiplications and additions per example,
    counted for Linear, Conv and PeriodicEmbedding layers only.
    """

    name: str
    layer: Layer
    inputs: Shape
    outputs: Shape
    image: Shape | None = None
    weights: dict[str, Shape] = field(default_factory=dict)
    flops: int = 0

    @property
    def weight_count(self) -> int:
        """The number of trainable parameters."""
        return sum(prod(shape) for kind, shape in self.weights.items() if kind not in STATISTICS)


def walk(network: Network, input_shape: Shape) -> list[Place]:
    """Return the Place of every layer, in order, for inputs of ``input_shape``.

    Blocks are expanded into their layers. Raises ArgumentError if a layer does not fit its input.
    """
    return list(_walk(network, input_shape, None, ""))


def output_shape(network: Network, input_shape: Shape) -> Shape:
    """Return the shape of a network's output for one example. Raises the same as ``walk``."""
    walking = _walk(network, input_shape, None, "")
    while True:
        try:
            next(walking)
        except StopIteration as end:
            shape: Shape = end.value[0]
            return shape


def weight_shapes(network: Network, input_shape: Shape) -> dict[str, Shape]:
    """Return the portable name and shape of every weight, including BatchNorm's statistics.

    A Linear layer's weight is (outputs, inputs), a Conv layer's (outputs, inputs / groups, height,
    width). A PeriodicEmbedding has ``frequency`` and ``phase`` (features, frequencies), ``weight``
    (features, outputs - 1, frequencies) and ``bias`` (features, outputs - 1), for the features that
    it embeds. Everything else is
    (outputs,). Raises the same as ``walk``.
    """
    return {
        f"{place.name}.{kind}": shape
        for place in walk(network, input_shape)
        for kind, shape in place.weights.items()
    }


def weight_count(network: Network, input_shape: Shape) -> int:
    """Return the number of trainable parameters."""
    return sum(place.weight_count for place in walk(network, input_shape))


#: A shape, and the shape of the image that was flattened into it.
State = tuple[Shape, Shape | None]


def _walk(
    network: Network, shape: Shape, image: Shape | None, prefix: str
) -> Generator[Place, None, State]:
    for position, layer in enumerate(network):
        name = f"{prefix}{position}"
        inner = parts(layer)
        if inner:
            ends = []
            for path, part in inner.items():
                ends.append((yield from _walk(part, shape, image, f"{name}.{path}")))
            shape, image = _merged(name, layer, ends)
            continue
        place = _place(name, layer, shape, image)
        yield place
        shape, image = place.outputs, _flattened_image(place)
    return shape, image


def _flattened_image(place: Place) -> Shape | None:
    """Return the shape of the image that is flattened in a layer's output."""
    if isinstance(place.layer, Flatten) and len(place.inputs) == 3:
        height, width, channels = place.inputs
        return place.inputs if channels > 1 and height * width > 1 else None
    return place.image if isinstance(place.layer, Flatten | Activation | Dropout) else None


def _merged(name: str, layer: Layer, ends: list[State]) -> State:
    """Return the state after a layer of several parts."""
    shapes = [shape for shape, _ in ends]
    if isinstance(layer, Residual) and len({*ends}) > 1:
        raise ArgumentError(f"the parts of the Residual layer {name} differ in shape: {shapes}")
    if isinstance(layer, Ensemble) and len(shapes[0]) != 1:
        raise ArgumentError(
            f"the members of the Ensemble layer {name} must return scores, got shape {shapes[0]}"
        )
    if not isinstance(layer, Concat):
        return ends[0]
    if len({shape[:-1] for shape in shapes}) > 1 or any(image for _, image in ends):
        raise ArgumentError(
            f"the branches of the Concat layer {name} cannot be concatenated: {shapes}"
        )
    return (*shapes[0][:-1], sum(shape[-1] for shape in shapes)), None


def _place(name: str, layer: Layer, shape: Shape, image: Shape | None) -> Place:
    """Return the Place of a layer. Raises ArgumentError if it does not fit its input."""
    match layer:
        case Flatten():
            return Place(name, layer, shape, (prod(shape),), image)
        case Linear(outputs, bias):
            return _linear(name, layer, shape, image, outputs, bias)
        case BatchNorm():
            if image is not None:
                raise _misfit(name, layer, shape, "put it before the Flatten layer")
            kinds = ("weight", "bias", *STATISTICS)
            return Place(name, layer, shape, shape, None, dict.fromkeys(kinds, shape[-1:]))
        case Conv() | Pool() | GlobalPool() | Resize() | Normalize() | Pad() if len(shape) != 3:
            raise _misfit(name, layer, shape, "it takes images")
        case Resize(height, width):
            return Place(name, layer, shape, (height, width, shape[2]))
        case Normalize(mean):
            if len(mean) != shape[2]:
                raise _misfit(name, layer, shape, f"it takes images of {len(mean)} channels")
            return Place(name, layer, shape, shape)
        case Pad(rows, columns):
            padded = (shape[0] + sum(rows), shape[1] + sum(columns), shape[2])
            return Place(name, layer, shape, padded)
        case Conv(outputs, kernel, stride, padding, groups, bias):
            if shape[2] % groups:
                raise _misfit(name, layer, shape, f"{groups} groups must divide the channels")
            sides = _sides(name, layer, shape, kernel, stride, padding)
            weights: dict[str, Shape] = {"weight": (outputs, shape[2] // groups, kernel, kernel)}
            per_output = 2 * prod(weights["weight"][1:]) - (not bias)
            weights |= {"bias": (outputs,)} if bias else {}
            flops = prod(sides) * outputs * per_output
            return Place(name, layer, shape, (*sides, outputs), None, weights, flops)
        case Pool(_, size, stride, padding):
            sides = _sides(name, layer, shape, size, stride, padding)
            return Place(name, layer, shape, (*sides, shape[2]))
        case GlobalPool():
            return Place(name, layer, shape, shape[2:])
        case PeriodicEmbedding() | PiecewiseLinear() | Scale() | ParametricSELU() if (
            image or len(shape) != 1
        ):
            raise _misfit(name, layer, shape, "it takes vectors, such as the rows of a table")
        case Scale() | ParametricSELU():
            return Place(name, layer, shape, shape, None, {"weight": shape})
        case PeriodicEmbedding(features=features) | PiecewiseLinear(features=features) if (
            features and max(features) >= shape[0]
        ):
            raise _misfit(name, layer, shape, f"it embeds feature {max(features)}, counted from 0")
        case PeriodicEmbedding():
            return _embedding(name, layer, shape)
        case PiecewiseLinear(features=features):
            return Place(name, layer, shape, (shape[0] + len(features),))
    return Place(name, layer, shape, shape, image)


def _embedding(name: str, layer: PeriodicEmbedding, shape: Shape) -> Place:
    features = shape[0] if layer.features is None else len(layer.features)
    frequencies, functions = layer.frequencies, layer.outputs - 1
    weights: dict[str, Shape] = {
        "frequency": (features, frequencies),
        "phase": (features, frequencies),
        "weight": (features, functions, frequencies),
        "bias": (features, functions),
    }
    flops = features * 2 * frequencies * (1 + functions)
    return Place(name, layer, shape, (shape[0] + features * functions,), None, weights, flops)


def _linear(
    name: str, layer: Layer, shape: Shape, image: Shape | None, outputs: int, bias: bool
) -> Place:
    if len(shape) != 1:
        # Frameworks disagree on which axis is last.
        raise _misfit(name, layer, shape, "put a Flatten layer before it")
    weights: dict[str, Shape] = {"weight": (outputs, *shape)}
    weights |= {"bias": (outputs,)} if bias else {}
    flops = outputs * (2 * shape[0] - (not bias))
    return Place(name, layer, shape, (outputs,), image, weights, flops)


def _sides(
    name: str, layer: Layer, shape: Shape, window: int, stride: int, padding: int
) -> tuple[int, int]:
    """Return the height and width of the output of a sliding window."""
    least = window - 2 * padding
    if min(shape[:2]) < least:
        raise _misfit(name, layer, shape, f"it needs {least} x {least} pixels")
    height, width = ((side + 2 * padding - window) // stride + 1 for side in shape[:2])
    return height, width


def _misfit(name: str, layer: Layer, shape: Shape, advice: str) -> ArgumentError:
    kind = type(layer).__name__
    return ArgumentError(f"the {kind} layer {name} cannot take the shape {shape}: {advice}")


def fitted(network: Network, input_shape: Shape) -> Network:
    """Return a network without the layers that do not suit the size of their input.

    Those are Pool layers whose input is smaller than their window, and PeriodicEmbedding layers
    with more than MAX_EMBEDDED features. Those inside other layers stay.
    """
    result: Network = ()
    for layer in network:
        shape = output_shape(result, input_shape)
        if isinstance(layer, Sequence):
            result = (*result, Sequence(fitted(layer.layers, shape)))
        elif _suits(layer, shape):
            result = (*result, layer)
    return result


def _suits(layer: Layer, shape: Shape) -> bool:
    match layer:
        case Pool(_, size, _, padding):
            return min(shape[:2]) >= size - 2 * padding
        case PeriodicEmbedding(features=features):
            count = shape[0] if features is None else len(features)
            return count <= MAX_EMBEDDED or len(shape) > 1
    return True
