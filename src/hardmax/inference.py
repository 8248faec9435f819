"""What is done with runs: they are judged, calibrated, compared and used."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardmax import frameworks, pairs
from hardmax.calibration import fit_temperature
from hardmax.data import sources
from hardmax.data.arrays import Dataset, Pictures, split_off
from hardmax.data.pictures import read_picture
from hardmax.data.reading import Reading
from hardmax.decisions import Costs, check_below, named, outcomes, read_costs
from hardmax.errors import ArgumentError, DataError, RunError
from hardmax.judgement import Judgement, judge
from hardmax.metrics import log_softmax
from hardmax.pairs import Pair
from hardmax.recipes import Recipe
from hardmax.report import render
from hardmax.run import Run
from hardmax.run_writer import write_record

__all__ = [
    "Calibration",
    "Compared",
    "Judged",
    "Prediction",
    "calibrate",
    "compare",
    "evaluate",
    "predict",
]


@dataclass(frozen=True)
class Judged:
    """A run, the test set that it was judged on, its scores, and what they are worth.

    ``source`` names the data; ``scores`` are float of shape (examples, classes), divided by the
    run's temperature. ``uncalibrated`` is what they would be worth without; None where that is 1.
    ``rules`` has what comes of each rule of decision (``decisions.outcomes``), if any was asked
    for.
    """

    run: Run
    source: str
    test: Pictures
    scores: np.ndarray
    judgement: Judgement
    uncalibrated: Judgement | None
    rules: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        before = self.uncalibrated
        return {
            **self.judgement.as_dict(),
            "temperature": self.run.temperature,
            "uncalibrated": before and before.summary(),
            "rules": self.rules,
        }

    def report(self) -> str:
        """Return all of it as an HTML document."""
        return render(
            *(self.run.record, [], self.test, self.scores, self.run.classes, self.judgement),
            self.source,
            self.uncalibrated,
            self.rules,
        )


def evaluate(
    path: str,
    source: str | None = None,
    framework: str | None = None,
    costs: Path | None = None,
    below: float | None = None,
    say: Callable[[str], None] | None = None,
) -> Judged:
    """Judge a run on the test set of the data it was trained on, or on that of ``source``.

    ``framework`` does it, or that of the training. Deciding by the file ``costs``, and leaving
    decisions open ``below`` a probability, are judged beside. ``say`` is given what a person
    should know of how the data was read. Raises RunError for a run that cannot be used, DataError
    for data or costs that do not fit it, or data that is no longer what the run was trained on.
    """
    run = Run.open(path)
    asked = _rules(run, costs, below)
    dataset = _data(run, path, source)
    if say is not None:
        for told in dataset.remarks:
            say(told)
    scores, labels = _scores(run, dataset.test, framework), dataset.test.labels
    own = run.entry("asked", "data", str)
    cooled = _calibrated(scores, run.temperature)
    uncalibrated = None if run.temperature == 1 else judge(scores, labels)
    judged = judge(cooled, labels)
    rules = outcomes(np.exp(log_softmax(cooled)), labels, *asked) if asked != (None, None) else []
    return Judged(run, source or own, dataset.test, cooled, judged, uncalibrated, rules)


def _rules(run: Run, costs: Path | None, below: float | None) -> tuple[Costs | None, float | None]:
    """Return the costs and the probability to abstain below that are asked for."""
    read = None if costs is None else read_costs(costs, run.classes)
    return read, None if below is None else check_below(below)


@dataclass(frozen=True)
class Calibration:
    """A temperature, and how the validation examples that it was fitted on are judged by it."""

    temperature: float
    before: Judgement
    after: Judgement

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "temperature": self.temperature,
            "before": self.before.summary(),
            "after": self.after.summary(),
        }


def calibrate(path: str, framework: str | None = None) -> Calibration:
    """Fit a temperature on a run's validation part, and keep it in the run.

    ``framework`` computes the scores, or that of the training. Raises RunError for a run that
    cannot be used or written or has no validation part, DataError for data that is no longer what
    it was trained on, or by which no temperature can be fitted.
    """
    run = Run.open(path)
    fraction = run.entry("asked", "validation", float | None)
    if fraction is None:
        raise RunError(
            f"{path} was trained without a validation part, and a temperature must not be fitted "
            "on what it was trained on or is judged on; train with --validation FRACTION"
        )
    dataset = _data(run, path, None)
    _, part = split_off(dataset.train, fraction, run.entry("asked", "seed", int))
    scores = _scores(run, part, framework)
    temperature = fit_temperature(scores, part.labels)
    after = judge(_calibrated(scores, temperature), part.labels)
    calibration = Calibration(temperature, judge(scores, part.labels), after)
    write_record(Path(path), {**run.record, "calibration": calibration.as_dict()})
    return calibration


def _calibrated(scores: np.ndarray, temperature: float) -> np.ndarray:
    # In float64, so that no two scores become equal.
    return scores if temperature == 1 else scores.astype(np.float64) / temperature


def _data(run: Run, path: str, source: str | None) -> Dataset:
    """Return the data set of a run's training, or ``source``; it fits the run."""
    own = run.entry("asked", "data", str)
    dataset = sources.load(own if source is None else source, _reading(run, source))
    if source is None and dataset.fingerprint != run.entry("data", "fingerprint", str):
        raise DataError(
            f"{own} has changed since the run was trained on it; to judge the run on it as it is "
            f"now, name it: hardmax evaluate {path} {own}"
        )
    _check_fit(run, dataset, source or own)
    return dataset


def _check_fit(run: Run, dataset: Dataset, source: str) -> None:
    if dataset.shape != run.input_shape or len(dataset.classes) != len(run.classes):
        raise DataError(
            f"{source} has {len(dataset.classes)} classes of pictures {dataset.shape}, "
            f"the run {len(run.classes)} classes of pictures {run.input_shape}"
        )


def _reading(run: Run, source: str | None) -> Reading:
    """Return how to read data to judge a run on: as it was read for the training.

    Of data that has no test part, and is not what the run was trained on, nothing is split off.
    """
    size = run.entry("asked", "size", list | None)
    trained_on = source is None or os.path.abspath(source) == run.entry("asked", "data", str)
    return Reading(
        None if size is None else tuple(size),
        run.entry("asked", "channels", int | None),
        run.record["asked"].get("skip_bad") is True,
        run.entry("asked", "test", float | str | None) if trained_on else None,
        run.entry("asked", "seed", int),
        run.input_shape,
        run.classes,
        not trained_on,
    )


def _scores(run: Run, pictures: Pictures, framework: str | None) -> np.ndarray:
    """Return a run's scores of pictures, float32 of shape (examples, classes).

    A sibling computes them, that of the training unless another is named.
    """
    sibling = frameworks.load(framework or run.entry("asked", "framework", str))
    model = sibling.models.NetworkClassifier(run.network, run.input_shape, Recipe())
    trainer = sibling.Trainer(1, device="auto")
    trainer.set_weights(model, run.weights)
    # The batches of the training, so that the sums round as they did there.
    data = sibling.data.PictureData(None, pictures, run.entry("asked", "batch_size", int))
    return trainer.scores(model, data.val_dataloader())


@dataclass(frozen=True)
class Compared:
    """Two runs on the test set of both; ``classes`` has the true classes' names by example."""

    paths: tuple[str, str]
    classes: list[str]
    pair: Pair

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"runs": self.paths, **self.pair.as_dict(), "alone": self.alone()}

    def alone(self) -> tuple[dict[str, int], ...]:
        """Return, of each run, how many of which class it alone decides rightly."""
        return tuple(
            dict(Counter(self.classes[place] for place in places).most_common())
            for places in self.pair.only
        )


def compare(first: str, second: str) -> Compared:
    """Compare two runs on the test set that both were trained beside.

    The framework of the first computes the scores of both; each run's temperature is applied.
    Raises RunError for a run that cannot be used, DataError where the runs are of different data,
    or of data that is no longer what they were trained on.
    """
    one, other = Run.open(first), Run.open(second)
    if one.entry("data", "fingerprint", str) != other.entry("data", "fingerprint", str):
        raise DataError(
            f"{first} and {second} were trained on different data; only runs on the same data "
            "have test examples in common"
        )
    dataset = _data(one, first, None)
    _check_fit(other, dataset, second)
    framework = one.entry("asked", "framework", str)
    scores, others = (
        _calibrated(_scores(run, dataset.test, framework), run.temperature) for run in (one, other)
    )
    labels = dataset.test.labels
    names = [dataset.classes[label] for label in labels]
    return Compared((first, second), names, pairs.compare(scores, others, labels))


@dataclass(frozen=True)
class Prediction:
    """The class that a run gives a picture, its probability, and every class's score.

    The probability is by the run's temperature, the scores are the network's own. ``decision`` is
    what to do by the rule that was asked for, None to leave it open.
    """

    file: str
    label: str
    probability: float
    decision: str | None
    scores: list[float]


def predict(
    path: str,
    files: Sequence[str],
    framework: str | None = None,
    costs: Path | None = None,
    below: float | None = None,
) -> tuple[list[Prediction], list[str]]:
    """Return a run's predictions for picture files, and how the pictures had to be changed.

    ``framework`` makes them, or that of the training. Decisions are by the file ``costs``, or left
    open ``below`` a probability. Raises RunError for a run that cannot be used, DataError for a
    file that is no picture and costs that do not fit the classes, ArgumentError for both rules at
    once; then nothing is predicted.
    """
    if costs is not None and below is not None:
        raise ArgumentError(
            "predict by costs or abstain below a probability, not both; what it costs to leave a "
            "decision open can stand in a further column of the costs"
        )
    run = Run.open(path)
    asked = _rules(run, costs, below)
    read = [read_picture(file, run.input_shape) for file in files]
    changes = [f"{file}: {change}" for file, (_, change) in zip(files, read, strict=True) if change]
    images = np.stack([pixels for pixels, _ in read])
    scores = _scores(run, Pictures(images, np.zeros(len(files), np.int64)), framework)
    probabilities = np.exp(log_softmax(_calibrated(scores, run.temperature)))
    decisions = named(probabilities, run.classes, *asked)
    return [
        Prediction(file, run.classes[best], float(chances[best]), decision, own.tolist())
        for file, best, chances, decision, own in zip(
            files, scores.argmax(axis=1), probabilities, decisions, scores, strict=True
        )
    ], changes
