"""A network is a value: records of layers, and the named networks made of them.

From a network and the shape of its inputs follow, without any framework, the shapes and the
names of its weights. Each framework's ``layers.py`` builds the native network.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from hardmax.errors import ArgumentError, RunError

__all__ = [
    "ACTIVATIONS",
    "NETWORKS",
    "Activation",
    "Flatten",
    "Layer",
    "Linear",
    "Network",
    "check_name",
    "from_json",
    "mlp",
    "softmax_regression",
    "to_json",
    "weight_shapes",
]

ACTIVATIONS = ("relu",)


@dataclass(frozen=True)
class Flatten:
    """Turns each example into a vector, channels first."""


@dataclass(frozen=True)
class Linear:
    """Returns xW + b, with ``outputs`` entries for each example."""

    outputs: int


@dataclass(frozen=True)
class Activation:
    """Applies a function to every element: ``relu``."""

    function: str


Layer = Flatten | Linear | Activation
Network = tuple[Layer, ...]

#: More layers than this are no network that anybody means.
MOST_LAYERS = 1000

LAYERS = {layer.__name__: layer for layer in (Flatten, Linear, Activation)}


def softmax_regression(classes: int) -> Network:
    """Return softmax regression: one score a class, linear in the pixels."""
    return (Flatten(), Linear(classes))


def mlp(classes: int) -> Network:
    """Return a multilayer perceptron with one hidden layer of 256 units."""
    return (Flatten(), Linear(256), Activation("relu"), Linear(classes))


#: The networks that are known by name, each made for a number of classes.
NETWORKS: dict[str, Callable[[int], Network]] = {
    "softmax-regression": softmax_regression,
    "mlp": mlp,
}


def check_name(name: str) -> None:
    """Raise ArgumentError where no network has that name."""
    if name not in NETWORKS:
        raise ArgumentError(f"unknown model {name!r}; known are {', '.join(NETWORKS)}")


def weight_shapes(network: Network, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the portable name and shape of every weight, for inputs of ``input_shape``.

    ``input_shape`` is (height, width, channels). A Linear layer at position i has ``i.weight``
    of shape (outputs, inputs) and ``i.bias`` of shape (outputs,). Raises ArgumentError where a
    Linear layer does not get vectors: each framework has another axis last.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    shape = input_shape
    for position, layer in enumerate(network):
        match layer:
            case Flatten():
                shape = (prod(shape),)
            case Linear(outputs):
                if len(shape) != 1:
                    raise ArgumentError(
                        f"the Linear layer at position {position} gets the shape {shape}; "
                        "put a Flatten layer before it"
                    )
                shapes[f"{position}.weight"] = (outputs, *shape)
                shapes[f"{position}.bias"] = (outputs,)
                shape = (outputs,)
    return shapes


def to_json(network: Network) -> list[dict[str, Any]]:
    """Return a network as JSON has it: a list of layers with their kinds and settings."""
    return [{"layer": type(layer).__name__, **asdict(layer)} for layer in network]


def from_json(layers: Any) -> Network:
    """Return the network that ``to_json`` described. Raises RunError where it is none."""
    try:
        if not isinstance(layers, list):
            raise TypeError(f"a list of layers is wanted, got {type(layers).__name__}")
        if len(layers) > MOST_LAYERS:
            raise ValueError(f"{len(layers)} layers, and at most {MOST_LAYERS} are allowed")
        return tuple(_layer(**layer) for layer in layers)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"not a description of a network: {error}") from error


def _layer(layer: str, **settings: Any) -> Layer:
    made = LAYERS[layer](**settings)
    if isinstance(made, Linear) and not (type(made.outputs) is int and made.outputs > 0):
        raise ValueError(f"a Linear layer of {made.outputs!r} outputs")
    if isinstance(made, Activation) and made.function not in ACTIVATIONS:
        raise ValueError(f"an unknown activation {made.function!r}")
    return made
