"""What follows from a network and the shape of its inputs, without any framework.

The shape of an example is (height, width, channels), or (entries,) of a vector. A weight is named
by the way to its layer: ``0.weight``, ``3.body.1.running_mean``.
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
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Pool,
    Residual,
    Sequence,
    parts,
)

__all__ = ["Place", "Shape", "fitted", "output_shape", "walk", "weight_count", "weight_shapes"]

Shape = tuple[int, ...]

#: What BatchNorm knows of the examples it has seen. It is no weight: nothing trains it.
STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class Place:
    """A layer where it stands: its name, the shapes of one example before and behind it.

    ``weights`` are the shapes of its own weights, channels first, and of BatchNorm's statistics.
    ``picture`` is the shape of the picture that lies flat before it, where the order of its
    entries matters, else None. ``operations``: its multiplications and additions for an example;
    only those of Linear and Conv layers count.
    """

    name: str
    layer: Layer
    inputs: Shape
    outputs: Shape
    picture: Shape | None = None
    weights: dict[str, Shape] = field(default_factory=dict)
    operations: int = 0

    @property
    def weight_count(self) -> int:
        """How many numbers are trained here."""
        return sum(prod(shape) for kind, shape in self.weights.items() if kind not in STATISTICS)


def walk(network: Network, input_shape: Shape) -> list[Place]:
    """Return every layer that does something, in its place, for inputs of ``input_shape``.

    Raises ArgumentError where a layer cannot take what comes.
    """
    return list(_walk(network, input_shape, None, ""))


def output_shape(network: Network, input_shape: Shape) -> Shape:
    """Return the shape of what a network makes of an example. Raises what ``walk`` raises."""
    walking = _walk(network, input_shape, None, "")
    while True:
        try:
            next(walking)
        except StopIteration as end:
            return end.value[0]


def weight_shapes(network: Network, input_shape: Shape) -> dict[str, Shape]:
    """Return the portable name and shape of every weight, BatchNorm's statistics included.

    A Linear layer's weight is (outputs, inputs), a Conv layer's (outputs, inputs / groups, height,
    width), everything else (outputs,). Raises what ``walk`` raises.
    """
    return {
        f"{place.name}.{kind}": shape
        for place in walk(network, input_shape)
        for kind, shape in place.weights.items()
    }


def weight_count(network: Network, input_shape: Shape) -> int:
    """Return how many numbers are trained."""
    return sum(place.weight_count for place in walk(network, input_shape))


#: A shape, and that of the picture that lies flat in it.
State = tuple[Shape, Shape | None]


def _walk(
    network: Network, shape: Shape, picture: Shape | None, prefix: str
) -> Generator[Place, None, State]:
    for position, layer in enumerate(network):
        name = f"{prefix}{position}"
        inner = parts(layer)
        if inner:
            ends = []
            for path, part in inner.items():
                ends.append((yield from _walk(part, shape, picture, f"{name}.{path}")))
            shape, picture = _joined(name, layer, ends)
            continue
        place = _place(name, layer, shape, picture)
        yield place
        shape, picture = place.outputs, _lying(place)
    return shape, picture


def _lying(place: Place) -> Shape | None:
    """Return the picture that lies flat behind a layer."""
    if isinstance(place.layer, Flatten) and len(place.inputs) == 3:
        height, width, channels = place.inputs
        return place.inputs if channels > 1 and height * width > 1 else None
    return place.picture if isinstance(place.layer, Flatten | Activation | Dropout) else None


def _joined(name: str, layer: Layer, ends: list[State]) -> State:
    """Return the state behind a layer of several parts."""
    shapes = [shape for shape, _ in ends]
    if isinstance(layer, Residual) and len({*ends}) > 1:
        raise ArgumentError(f"the parts of the Residual layer {name} differ in shape: {shapes}")
    if not isinstance(layer, Concat):
        return ends[0]
    if len({shape[:-1] for shape in shapes}) > 1 or any(picture for _, picture in ends):
        raise ArgumentError(f"the branches of the Concat layer {name} do not fit: {shapes}")
    return (*shapes[0][:-1], sum(shape[-1] for shape in shapes)), None


def _place(name: str, layer: Layer, shape: Shape, picture: Shape | None) -> Place:
    """Return a layer in its place. Raises ArgumentError where it cannot take what comes."""
    match layer:
        case Flatten():
            return Place(name, layer, shape, (prod(shape),), picture)
        case Linear(outputs, bias):
            return _linear(name, layer, shape, picture, outputs, bias)
        case BatchNorm():
            if picture is not None:
                raise _misfit(name, layer, shape, "put it before the Flatten layer")
            kinds = ("weight", "bias", *STATISTICS)
            return Place(name, layer, shape, shape, None, dict.fromkeys(kinds, shape[-1:]))
        case Conv() | Pool() | GlobalPool() if len(shape) != 3:
            raise _misfit(name, layer, shape, "it takes pictures")
        case Conv(outputs, kernel, stride, padding, groups, bias):
            if shape[2] % groups:
                raise _misfit(name, layer, shape, f"{groups} groups must divide the channels")
            sides = _sides(name, layer, shape, kernel, stride, padding)
            weights: dict[str, Shape] = {"weight": (outputs, shape[2] // groups, kernel, kernel)}
            each = 2 * prod(weights["weight"][1:]) - (not bias)
            weights |= {"bias": (outputs,)} if bias else {}
            pixels = prod(sides) * outputs
            return Place(name, layer, shape, (*sides, outputs), None, weights, pixels * each)
        case Pool(_, size, stride, padding):
            sides = _sides(name, layer, shape, size, stride, padding)
            return Place(name, layer, shape, (*sides, shape[2]))
        case GlobalPool():
            return Place(name, layer, shape, shape[2:])
    return Place(name, layer, shape, shape, picture)


def _linear(
    name: str, layer: Layer, shape: Shape, picture: Shape | None, outputs: int, bias: bool
) -> Place:
    if len(shape) != 1:
        # Each framework has another axis last.
        raise _misfit(name, layer, shape, "put a Flatten layer before it")
    weights: dict[str, Shape] = {"weight": (outputs, *shape)}
    weights |= {"bias": (outputs,)} if bias else {}
    operations = outputs * (2 * shape[0] - (not bias))
    return Place(name, layer, shape, (outputs,), picture, weights, operations)


def _sides(
    name: str, layer: Layer, shape: Shape, window: int, stride: int, padding: int
) -> tuple[int, int]:
    """Return the height and the width of what windows make of a picture."""
    least = window - 2 * padding
    if min(shape[:2]) < least:
        raise _misfit(name, layer, shape, f"it needs {least} x {least} pixels")
    height, width = ((side + 2 * padding - window) // stride + 1 for side in shape[:2])
    return height, width


def _misfit(name: str, layer: Layer, shape: Shape, advice: str) -> ArgumentError:
    kind = type(layer).__name__
    return ArgumentError(f"the {kind} layer {name} cannot take the shape {shape}: {advice}")


def fitted(network: Network, input_shape: Shape) -> Network:
    """Return a network without the Pool layers for whose windows pictures have become too small.

    Those within a Residual or Concat layer stay.
    """
    kept: Network = ()
    for layer in network:
        shape = output_shape(kept, input_shape)
        if isinstance(layer, Sequence):
            kept = (*kept, Sequence(fitted(layer.layers, shape)))
        elif not isinstance(layer, Pool) or min(shape[:2]) >= layer.size - 2 * layer.padding:
            kept = (*kept, layer)
    return kept
