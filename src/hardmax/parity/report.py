"""A certificate: the same trainings in several frameworks, and how far those are apart."""

import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from hardmax.data import load
from hardmax.data.datasets import Dataset
from hardmax.errors import ArgumentError, RunError
from hardmax.networks import catalog
from hardmax.networks.layers import Dropout
from hardmax.networks.shapes import walk, weight_count
from hardmax.parity.differences import compare
from hardmax.parity.measurement import Measurement, measure
from hardmax.runs.run import dumps
from hardmax.runs.settings import Settings
from hardmax.runs.writer import FolderWriter, folder_name

__all__ = ["COLUMNS", "NORMAL", "RECORD", "REPORT", "certify", "render"]

RECORD, REPORT = "certificate.json", "certificate.html"

#: What is compared, and what it is called.
COLUMNS = {
    "starting_scores": "starting scores",
    "gradients": "gradients",
    "weights_after_step": "after a step",
    "weights_after_epoch": "after an epoch",
    "final_scores": "final scores",
}

#: The relative differences that rounded sums explain where nothing has been trained. What comes
#: later grows with the training, because each step goes on from the differences before it.
NORMAL = {"starting_scores": 1e-5, "gradients": 1e-4}


def certify(
    data: str,
    models: Sequence[str],
    chosen: Sequence[str],
    options: dict[str, Any],
    out: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Train networks in the ``chosen`` frameworks, write the certificate's folder, return both.

    ``options`` are further ``Settings``. ``tell`` is told, on one line each, how the data was
    read, and of each training that is over. The folder holds RECORD, REPORT and the run folders; it
    is ``out``, or lies in ``runs``. Raises HardmaxError for whatever cannot be done. Then nothing
    is left behind, and what can be known before is told before anything is trained.
    """
    _check_names("models", models, 1)
    _check_names("frameworks", chosen, 2)
    asked = {
        model: [Settings(data=data, model=model, framework=name, **options) for name in chosen]
        for model in models
    }
    dataset = load.load(data, asked[models[0]][0].reading)
    described = {model: _described(settings[0], dataset) for model, settings in asked.items()}
    with FolderWriter(out, folder_name(dataset.name, "certificate")) as writer:
        dataset.tell(tell)
        with tempfile.TemporaryDirectory(dir=writer.folder) as scratch:
            # All before anything is compared: a process counts the memory of the one that it
            # comes from as its own, so that this one must stay small for so long.
            for settings in itertools.chain(*asked.values()):
                name = f"{settings.model}-{settings.framework}"
                measure(settings, writer.folder / name, Path(scratch, name))
                if tell is not None:
                    tell(f"trained {settings.model} on {settings.framework}")
            compared = [_compared(described[model], Path(scratch), chosen) for model in models]
        record = {"normal": NORMAL, "networks": compared}
        page = render(record)
        try:
            (writer.folder / RECORD).write_text(dumps(record, indent=2) + "\n")
            (writer.folder / REPORT).write_text(page, "utf-8", "xmlcharrefreplace")
        except OSError as error:
            raise RunError(f"cannot write the certificate: {error.strerror}") from error
        return writer.publish(), record


def _check_names(what: str, names: Sequence[str], least: int) -> None:
    if len(set(names)) != len(names) or len(names) < least:
        raise ArgumentError(
            f"{what} must be {least} or more different names with commas between them, got "
            f"{','.join(names)!r}"
        )


def _described(settings: Settings, dataset: Dataset) -> dict[str, Any]:
    """Return what a network is. Raises ArgumentError where it does not fit the data."""
    shape = dataset.shape
    network = catalog.make(settings.model, shape, len(dataset.classes), **settings.options)
    return {
        "model": settings.model,
        "start": settings.first_weights,
        "weights": weight_count(network, shape),
        "dropout": any(isinstance(place.layer, Dropout) for place in walk(network, shape)),
    }


def _compared(network: dict[str, Any], folder: Path, chosen: Sequence[str]) -> dict[str, Any]:
    """Return a described network with its runs, and each pair of them compared."""
    measured = [Measurement.open(folder / f"{network['model']}-{name}") for name in chosen]
    pairs = [compare(*pair) for pair in itertools.combinations(measured, 2)]
    return network | {
        "runs": [_told(one) for one in measured],
        "pairs": [pair | {"beyond": _beyond(pair, network["dropout"])} for pair in pairs],
    }


def _beyond(pair: dict[str, Any], dropout: bool) -> list[str]:
    """Return what differs by more than is normal; dropout explains any gradients."""
    return [
        kind
        for kind, limit in NORMAL.items()
        if pair[kind]["relative"] > limit and not (dropout and kind == "gradients")
    ]


def _told(one: Measurement) -> dict[str, Any]:
    """Return a run in figures: the median of the seconds an epoch, and all that compiling took.

    ``record`` is the run's own: what was asked, what it was made with, its data and results.
    """
    return {
        "framework": one.framework,
        "train_loss": one.epochs[-1]["train_loss"],
        "test": one.test,
        "seconds_per_epoch": median(epoch["seconds"] for epoch in one.epochs),
        "compile_seconds": sum(epoch["compile_seconds"] for epoch in one.epochs),
        "peak_memory": one.peak_memory,
        "record": one.record,
    }


def render(record: dict[str, Any]) -> str:
    """Return the certificate as an HTML document; ``record`` is what its JSON says."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("hardmax.reports", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("certificate.html.jinja").render(
        record=record, columns=COLUMNS, runs=record["networks"][0]["runs"]
    )
