"""The parity report: the same training in several frameworks, and how much they differ."""

import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeAlias, TypedDict

from hardmax.checks import check_choice, check_whole
from hardmax.data import load
from hardmax.data.datasets import Dataset
from hardmax.data.row_encoding import ordered_features
from hardmax.errors import ArgumentError, RunError
from hardmax.frameworks import check as check_framework
from hardmax.networks.layers import Dropout
from hardmax.networks.shapes import walk, weight_count
from hardmax.parity.differences import Differences, compare
from hardmax.parity.drawing import differences_drawing
from hardmax.parity.measurement import Measurement, measure, named
from hardmax.runs.members import network_of
from hardmax.runs.record import dumps
from hardmax.runs.settings import Settings
from hardmax.runs.writer import FolderWriter, folder_name
from hardmax.training.precision import BFLOAT16, FLOAT32, PRECISIONS

__all__ = ["COLUMNS", "LIMITS", "RECORD", "REPORT", "render", "run_parity"]

RECORD, REPORT = "parity.json", "parity.html"

#: The kinds of arrays that are compared, and their column titles.
COLUMNS = {
    "initial_scores": "initial scores",
    "first_loss": "first loss",
    "gradients": "gradients",
    "weights_after_step": "after one step",
    "weights_after_epoch": "after one epoch",
    "final_scores": "final scores",
}

#: The largest relative difference by kind.
Limits: TypeAlias = Mapping[Literal["initial_scores", "first_loss", "gradients"], float]

#: The largest relative differences that rounding explains before any training, by precision. Later
#: kinds have no limit, because each step builds on the differences before it. The scores of a
#: network that is evaluated are float32 in both. bfloat16 rounds to 8 bits, each score by up to
#: 2**-9 on each side; and so many inputs of ReLU are within rounding error of its kink that the
#: gradients have no limit.
LIMITS: dict[str, Limits] = {
    FLOAT32: {"initial_scores": 1e-5, "first_loss": 1e-5, "gradients": 1e-4},
    BFLOAT16: {"initial_scores": 1e-5, "first_loss": 2.0**-8},
}


class NetworkSummary(TypedDict):
    """A network; ``dropout`` is whether it has any."""

    model: str
    init: str
    weights: int
    dropout: bool


class RunSummary(TypedDict):
    """A run, with the median seconds per epoch and the total compile time.

    ``name`` has the framework and, if there are several, the number of processes. ``record`` is the
    record of the run: its settings, environment, data and results.
    """

    name: str
    framework: str
    processes: int
    train_loss: float
    test: Mapping[str, object]
    seconds_per_epoch: float
    compile_seconds: float
    peak_memory: int
    record: Mapping[str, object]


class Pair(Differences):
    """The differences of two runs; ``above_limit`` has the kinds that exceed their limit."""

    above_limit: list[str]


class ComparedNetwork(NetworkSummary):
    """A network with its runs and the comparison of each pair of them."""

    runs: list[RunSummary]
    pairs: list[Pair]


def run_parity(
    settings: dict[str, Any],
    *,
    models: Sequence[str],
    frameworks: Sequence[str],
    processes: Sequence[int] = (1,),
    precision: str = FLOAT32,
    out: str | None = None,
    log: Callable[[str], None] | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Train networks in several frameworks, write the report, and return its folder and record.

    Each framework trains in each of the numbers of ``processes``; of one framework, several of them
    are compared.

    ``settings`` are values of ``Settings`` by name, ``precision`` is that of all trainings. ``log``
    receives one line per notice about the data and per finished training. The folder has RECORD,
    REPORT and the run folders; it is ``out``, or a new one in ``runs``. Raises HardmaxError on
    failure, before any training if possible, and leaves no files behind.
    """
    _check_names("models", models, 1)
    _check_names("frameworks", frameworks, 1 if len(processes) > 1 else 2)
    _check_names("processes", [*map(str, processes)], 1)
    for count in processes:
        check_whole("processes", count, 1)
    check_choice("precision", precision, PRECISIONS)
    common = {**settings, "precision": precision}
    settings_by_model = {
        model: [Settings(**common, model=model, framework=name) for name in frameworks]
        for model in models
    }
    for name in frameworks:
        check_framework(name)
    first = settings_by_model[models[0]][0]
    dataset = load.load(first.data, first.reading)
    summaries = {
        model: _network_summary(same_model[0], dataset)
        for model, same_model in settings_by_model.items()
    }
    with FolderWriter(out, folder_name(dataset.name, "parity")) as writer:
        dataset.log_notices(log)
        with tempfile.TemporaryDirectory(dir=writer.folder) as scratch:
            # Train everything before comparing anything: the peak memory of a subprocess
            # includes that of its parent when it forked, so this process must stay small.
            trainings = itertools.chain.from_iterable(settings_by_model.values())
            for one, count in itertools.product(trainings, processes):
                name = named(one.framework, count)
                folder = _folder(one.model, name)
                measure(one, writer.folder / folder, Path(scratch, folder), count)
                if log is not None:
                    log(f"trained {one.model} on {name}")
            names = [named(*one) for one in itertools.product(frameworks, processes)]
            networks = [
                _compare_runs(summaries[model], Path(scratch), names, LIMITS[precision])
                for model in models
            ]
        record = {"precision": precision, "limits": LIMITS[precision], "networks": networks}
        _write(writer.folder, record)
        return writer.publish(), record


def _folder(model: str, name: str) -> str:
    """Return the name of the folder of a run."""
    return f"{model}-{name.replace(' ', '-')}"


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    page = render(record)
    try:
        (folder / RECORD).write_text(dumps(record, indent=2) + "\n")
        (folder / REPORT).write_text(page, "utf-8", "xmlcharrefreplace")
    except OSError as error:
        raise RunError(f"cannot write the parity report: {error.strerror}") from error


def _check_names(what: str, names: Sequence[str], least: int) -> None:
    if len(set(names)) != len(names) or len(names) < least:
        raise ArgumentError(
            f"--{what} must be {least} or more different names separated by commas, got "
            f"{','.join(names)!r}"
        )


def _network_summary(settings: Settings, dataset: Dataset) -> NetworkSummary:
    """Return a summary of a network. Raises ArgumentError if it does not fit the data."""
    shape = dataset.shape
    ordered = ordered_features(dataset.encoding)
    network = network_of(settings, dataset.train.inputs, len(dataset.classes), ordered)
    return {
        "model": settings.model,
        "init": settings.initializer,
        "weights": weight_count(network, shape),
        "dropout": any(isinstance(place.layer, Dropout) for place in walk(network, shape)),
    }


def _compare_runs(
    network: NetworkSummary, folder: Path, names: Sequence[str], limits: Limits
) -> ComparedNetwork:
    """Return the summary of a network with its runs and the comparison of each pair of them."""
    measurements = [Measurement.open(folder / _folder(network["model"], name)) for name in names]
    pairs = [compare(one, other) for one, other in itertools.combinations(measurements, 2)]
    return {
        **network,
        "runs": [_run_summary(one) for one in measurements],
        "pairs": [
            {**pair, "above_limit": _above_limit(pair, limits, network["dropout"])}
            for pair in pairs
        ],
    }


def _above_limit(pair: Differences, limits: Limits, dropout: bool) -> list[str]:
    """Return the kinds that differ by more than the limit; dropout explains any but the scores."""
    return [
        kind
        for kind, limit in limits.items()
        if pair[kind]["relative"] > limit and (kind == "initial_scores" or not dropout)
    ]


def _run_summary(one: Measurement) -> RunSummary:
    """Return a summary of a run."""
    return {
        "name": one.name,
        "framework": one.framework,
        "processes": one.processes,
        "train_loss": one.epochs[-1]["train_loss"],
        "test": one.test,
        "seconds_per_epoch": median(epoch["seconds"] for epoch in one.epochs),
        "compile_seconds": sum(epoch["compile_seconds"] for epoch in one.epochs),
        "peak_memory": one.peak_memory,
        "record": one.record,
    }


def render(record: Mapping[str, Any]) -> str:
    """Return the parity report as an HTML document; ``record`` is the content of RECORD."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("hardmax.reports", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("parity.html.jinja").render(
        record=record,
        columns=COLUMNS,
        runs=record["networks"][0]["runs"],
        drawings=[
            differences_drawing(network, COLUMNS, record["limits"])
            for network in record["networks"]
        ],
    )
