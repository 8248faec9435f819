"""``hardmax models``: list the networks and their layers."""

from dataclasses import asdict
from typing import Annotated, TypedDict

import typer

from hardmax.checks import check_whole
from hardmax.cli.lines import padded, print_text
from hardmax.cli.options import Json, print_json
from hardmax.errors import ArgumentError
from hardmax.networks.catalog import NETWORKS

__all__ = ["models"]

#: The width of the name of a layer.
NAME = 30


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A network whose layers to list.",
            autocompletion=lambda: [*NETWORKS],
        ),
    ] = None,
    size: Annotated[
        str,
        typer.Option(
            help="Height, width and channels of the images, such as 224x224x3, or the number of "
            "features of vectors."
        ),
    ] = "28x28x1",
    classes: Annotated[int, typer.Option(help="Number of classes.")] = 10,
    as_json: Json = False,
) -> None:
    """List the networks, or the layers of one network."""
    check_whole("classes", classes, 1)
    shape = _shape(size)
    if name is not None:
        summary = _layers(name, shape, classes)
        if as_json:
            print_json(summary)
        else:
            _print_layers(summary)
        return
    networks = [_totals(model, shape, classes) for model in NETWORKS]
    if as_json:
        print_json(networks)
    else:
        _print_networks(networks)


class _Layer(TypedDict):
    name: str
    layer: str
    settings: dict[str, object]
    outputs: tuple[int, ...]
    weights: int
    flops: int


class _Summary(TypedDict):
    model: str
    inputs: tuple[int, ...]
    classes: int
    weights: int
    flops: int
    layers: list[_Layer]


class _Totals(TypedDict):
    model: str
    weights: int | None
    flops: int | None
    error: str | None


def _shape(text: str) -> tuple[int, ...]:
    """Return the shape parsed from text such as ``28x28x1`` or, for vectors, ``13``."""
    sides = text.split("x")
    if len(sides) not in (1, 3) or not all(
        side.isascii() and side.isdigit() and len(side) < 6 and int(side) for side in sides
    ):
        raise ArgumentError(
            "--size must be HEIGHTxWIDTHxCHANNELS or FEATURES, each 1 to 99999, such as 28x28x1 or "
            f"13, got {text!r}"
        )
    return tuple(int(side) for side in sides)


def _totals(name: str, shape: tuple[int, ...], classes: int) -> _Totals:
    """Return the totals of a network, or as ``error`` why it does not fit the images."""
    try:
        summary = _layers(name, shape, classes)
    except ArgumentError as error:
        return {"model": name, "weights": None, "flops": None, "error": str(error)}
    weights, flops = summary["weights"], summary["flops"]
    return {"model": name, "weights": weights, "flops": flops, "error": None}


def _layers(name: str, shape: tuple[int, ...], classes: int) -> _Summary:
    from hardmax.networks.catalog import make
    from hardmax.networks.shapes import walk

    places = walk(make(name, shape, classes), shape)
    return {
        "model": name,
        "inputs": shape,
        "classes": classes,
        "weights": sum(place.weight_count for place in places),
        "flops": sum(place.flops for place in places),
        "layers": [
            {
                "name": place.name,
                "layer": type(place.layer).__name__,
                "settings": asdict(place.layer),
                "outputs": place.outputs,
                "weights": place.weight_count,
                "flops": place.flops,
            }
            for place in places
        ],
    }


def _print_networks(networks: list[_Totals]) -> None:
    print(f"{'model':<20}{'weights':>14}{'FLOPs':>18}")
    for network in networks:
        if network["error"]:
            print(f"{network['model']:<20}{'does not fit':>32}")
        else:
            print(f"{network['model']:<20}{network['weights']:>14,}{network['flops']:>18,}")


def _print_layers(summary: _Summary) -> None:
    print(f"{'layer':<{NAME}} {'outputs':>17}{'weights':>14}{'FLOPs':>18}")
    for layer in summary["layers"]:
        outputs = " x ".join(str(side) for side in layer["outputs"])
        totals = f"{layer['weights']:>14,}{layer['flops']:>18,}"
        print(f"{padded(layer['name'], NAME)} {outputs:>17}{totals}")
        settings = ", ".join(f"{key}={value}" for key, value in layer["settings"].items())
        print_text(f"  {layer['layer']}({settings})")
    print(f"{summary['model']}: {summary['weights']:,} weights, {summary['flops']:,} FLOPs")
