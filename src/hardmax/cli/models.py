"""``hardmax models``: the networks known by name, and their layers."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from hardmax.checks import check_whole
from hardmax.cli.options import Json, print_json
from hardmax.errors import ArgumentError

__all__ = ["models"]


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A network, to see its layers.")
    ] = None,
    size: Annotated[
        str, typer.Option(help="Height, width and channels of the pictures.")
    ] = "28x28x1",
    classes: Annotated[int, typer.Option(help="How many classes there are.")] = 10,
    as_json: Json = False,
) -> None:
    """List the networks, or one network's layers."""
    from hardmax.networks.catalog import NETWORKS

    check_whole("classes", classes, 1)
    shape = _shape(size)
    if name is not None:
        told = _layers(name, shape, classes)
        if as_json:
            print_json(told)
        else:
            _print_layers(told)
        return
    listed = [_totals(known, shape, classes) for known in NETWORKS]
    if as_json:
        print_json(listed)
    else:
        _print_networks(listed)


def _shape(text: str) -> tuple[int, ...]:
    """Return the numbers in ``28x28x1``."""
    sides = text.split("x")
    if len(sides) != 3 or not all(
        side.isascii() and side.isdigit() and len(side) < 6 and int(side) for side in sides
    ):
        raise ArgumentError(
            f"a size is height, width and channels of 1 to 99999, as 28x28x1, got {text!r}"
        )
    return tuple(int(side) for side in sides)


def _totals(name: str, shape: tuple[int, ...], classes: int) -> dict[str, Any]:
    """Return a network's totals, or why it does not fit."""
    try:
        told = _layers(name, shape, classes)
    except ArgumentError as error:
        return {"model": name, "weights": None, "operations": None, "misfit": str(error)}
    return {key: told[key] for key in ("model", "weights", "operations")} | {"misfit": None}


def _layers(name: str, shape: tuple[int, ...], classes: int) -> dict[str, Any]:
    from hardmax.networks.catalog import make
    from hardmax.networks.shapes import walk

    places = walk(make(name, shape, classes), shape)
    return {
        "model": name,
        "inputs": shape,
        "classes": classes,
        "weights": sum(place.weight_count for place in places),
        "operations": sum(place.operations for place in places),
        "layers": [
            {
                "name": place.name,
                "layer": type(place.layer).__name__,
                "settings": asdict(place.layer),
                "outputs": place.outputs,
                "weights": place.weight_count,
                "operations": place.operations,
            }
            for place in places
        ],
    }


def _print_networks(listed: list[dict[str, Any]]) -> None:
    print(f"{'model':<20}{'weights':>14}{'operations':>18}")
    for one in listed:
        if one["misfit"]:
            print(f"{one['model']:<20}{'does not fit':>32}")
        else:
            print(f"{one['model']:<20}{one['weights']:>14,}{one['operations']:>18,}")


def _print_layers(told: dict[str, Any]) -> None:
    for one in told["layers"]:
        settings = ", ".join(f"{key}={value}" for key, value in one["settings"].items())
        layer = f"{one['layer']}({settings})"
        outputs = " x ".join(str(side) for side in one["outputs"])
        print(
            f"{one['name']:<16} {layer:<76} {outputs:>14}"
            f"{one['weights']:>14,}{one['operations']:>18,}"
        )
    print(f"{told['model']}: {told['weights']:,} weights, {told['operations']:,} operations")
