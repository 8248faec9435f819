"""Goes on from the network of a run: its settings, and its weights for the classes of new data."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hardmax.checks import listed
from hardmax.errors import ArgumentError
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import Linear, Network
from hardmax.runs.run import Run
from hardmax.runs.settings import AUTO, Settings

__all__ = ["WarmStart", "continued", "warm_start"]

#: The learning rate, as a part of that of the run.
RATE = 0.25

#: The settings that are those of the run if they are not given, and those that cannot be given.
OF_RUN = (
    *("init", "epochs", "batch_size", "augment", "class_weights"),
    *("optimizer", "weight_decay", "schedule", "label_smoothing"),
    *("resize", "background"),
)
OF_NETWORK = ("hidden", "widths", "activation", "dropout", "bins")


class WarmStart(NamedTuple):
    """A network with the ``weights`` to start from, and the names of its ``new`` classes."""

    network: Network
    weights: dict[str, np.ndarray]
    new: list[str]

    @property
    def described(self) -> str:
        """What of the network is new, in words."""
        if not self.new:
            return "all layers start from the weights of the run"
        return (
            "all layers start from the weights of the run, but for those of the new classes "
            f"{listed(self.new)}"
        )


def continued(settings: Settings, run: Run) -> Settings:
    """Return settings in which what is not given is that of a run.

    That is the network, the recipe, with RATE times the learning rate, and how images are read.
    Raises ArgumentError if the run is on a table, or if the settings have another network or size.
    """
    path, former = settings.from_run, run.settings
    assert path is not None
    if run.encoding is not None:
        raise ArgumentError(f"{path} was trained on a table; use a run that was trained on images")
    height, width, channels = run.input_shape
    fixed = {"model": former.model, "size": (height, width), "channels": channels}
    for name, value in fixed.items():
        given = getattr(settings, name)
        if given not in (None, AUTO, value):
            raise ArgumentError(
                f"{path} has {name} {value}, which a training from it cannot change, got {given}; "
                f"leave out {name}"
            )
    for name in OF_NETWORK:
        if getattr(settings, name) is not None:
            raise ArgumentError(
                f"the network is that of {path}, which {name} cannot change; leave out {name}"
            )
    unset = settings.unset
    values: dict[str, Any] = dict.fromkeys(unset)
    values |= {name: getattr(former, name) for name in OF_RUN if name in unset}
    if "optimizer" in unset:
        usual = {"lr": RATE * former.rate, "momentum": former.momentum}
        values |= {name: usual[name] for name in usual if name in unset}
    if settings.balanced:
        values["class_weights"] = settings.class_weights
    if settings.minutes is not None:
        values["epochs"] = None
    values |= {**fixed, **former.options}
    return replace(settings, **values, from_run=os.path.abspath(path))


def warm_start(settings: Settings, run: Run, classes: Sequence[str]) -> WarmStart:
    """Return the network of a run with a score for each of ``classes``, and the weights to start.

    The scores of the classes that the run has are computed by the weights of the run; those of the
    others start from random weights. Raises ArgumentError if the last layer is not Linear, as in an
    ensemble.
    """
    *others, last = run.network
    if not isinstance(last, Linear):
        raise ArgumentError(
            f"the network of {settings.from_run} is an ensemble, or does not end with a linear "
            "layer; use a run of another network"
        )
    network = (*others, replace(last, outputs=len(classes)))
    # The initializer data would suit the features of a random network, not those of the run.
    init = "xavier" if settings.initializer == "data" else settings.initializer
    weights = initial_weights(network, run.input_shape, settings.seed, init)
    head = {f"{len(others)}.{kind}" for kind in ("weight", "bias")}
    known = [name for name in classes if name in run.classes]
    rows, old = ([*map(names.index, known)] for names in ([*classes], run.classes))
    for name, value in run.weights.items():
        if name in head:
            weights[name][rows] = value[old]
        else:
            weights[name] = value
    return WarmStart(network, weights, [name for name in classes if name not in known])
