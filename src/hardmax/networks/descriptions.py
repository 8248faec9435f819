"""Networks as JSON: the description in the header of a weights file."""

import itertools
from collections.abc import Iterator
from dataclasses import fields
from typing import get_args

from hardmax.errors import RunError
from hardmax.json_values import Json, entries, members
from hardmax.networks.layers import Layer, Network

__all__ = ["from_json", "to_json"]

LAYERS: dict[str, type] = {layer.__name__: layer for layer in get_args(Layer)}

#: The settings that are tuples of numbers.
TUPLES = ("features", "lows", "highs", "mean", "std", "rows", "columns")

#: Limits on JSON input: the number of layers, and their nesting depth.
MAX_LAYERS, MAX_DEPTH = 2000, 12


def to_json(network: Network) -> list[dict[str, Json]]:
    """Return a network as JSON: a list of layers with their types and settings."""
    return [_layer_to_json(layer) for layer in network]


def _layer_to_json(layer: Layer) -> dict[str, Json]:
    settings = {field.name: _setting_to_json(getattr(layer, field.name)) for field in fields(layer)}
    return {"layer": type(layer).__name__, **settings}


def _setting_to_json(
    setting: bool | int | float | str | tuple[int | float | Layer | Network, ...] | None,
) -> Json:
    if not isinstance(setting, tuple):
        return setting
    return [_part_to_json(part) for part in setting]


def _part_to_json(part: int | float | Layer | Network) -> Json:
    if isinstance(part, int | float):
        return part
    return to_json(part) if isinstance(part, tuple) else _layer_to_json(part)


def from_json(layers: object) -> Network:
    """Return the network that ``to_json`` described. Raises RunError for invalid JSON."""
    try:
        return _network(layers, MAX_DEPTH, itertools.count(1))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"not a description of a network: {error}") from error


def _network(layers: object, max_depth: int, count: Iterator[int]) -> Network:
    """Return a network nested at most ``max_depth`` deep; ``count`` numbers all of its layers."""
    if not isinstance(layers, list):
        raise TypeError(f"expected a list of layers, got {type(layers).__name__}")
    if max_depth == 0:
        raise ValueError(f"layers are nested more than {MAX_DEPTH} deep")
    return tuple(_layer(layer, max_depth - 1, count) for layer in layers)


def _layer(value: object, max_depth: int, count: Iterator[int]) -> Layer:
    if next(count) > MAX_LAYERS:
        raise ValueError(f"at most {MAX_LAYERS} layers are allowed")
    settings = {**members(value)}
    kind = settings.pop("layer", None)
    if not isinstance(kind, str):
        raise TypeError(f"a layer needs the name of its type, got {kind!r}")
    for name, setting in settings.items():
        if name == "branches":
            branches = entries(setting)
            if len(branches) > MAX_LAYERS:
                raise ValueError(f"at most {MAX_LAYERS} branches are allowed, got {len(branches)}")
            settings[name] = tuple(_network(branch, max_depth, count) for branch in branches)
        elif name in ("layers", "body", "shortcut", "member"):
            settings[name] = _network(setting, max_depth, count)
        elif name in TUPLES and setting is not None:
            settings[name] = tuple(entries(setting))
    layer: Layer = LAYERS[kind](**settings)
    return layer
