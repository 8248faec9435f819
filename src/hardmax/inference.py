"""What is done with a run: it is judged, and used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hardmax import frameworks
from hardmax.data import sources
from hardmax.data.arrays import Dataset, Pictures
from hardmax.data.pictures import read_picture
from hardmax.errors import DataError
from hardmax.judgement import Judgement, judge
from hardmax.metrics import log_softmax
from hardmax.recipes import Recipe
from hardmax.report import render
from hardmax.run import Run

__all__ = ["Judged", "Prediction", "evaluate", "predict"]


@dataclass(frozen=True)
class Judged:
    """A run, the test set that it was judged on, its scores, and what they are worth.

    ``source`` names the data; ``scores`` are float of shape (examples, classes).
    """

    run: Run
    source: str
    test: Pictures
    scores: np.ndarray
    judgement: Judgement

    def report(self) -> str:
        """Return all of it as an HTML document."""
        return render(
            *(self.run.record, [], self.test, self.scores, self.run.classes, self.judgement),
            self.source,
        )


def evaluate(path: str, source: str | None = None, framework: str | None = None) -> Judged:
    """Judge a run on the test set of the data it was trained on, or on that of ``source``.

    ``framework`` does it, or that of the training. Raises RunError for a run that cannot be used,
    DataError for data that does not fit it, or that is no longer what the run was trained on.
    """
    run = Run.open(path)
    dataset = _data(run, path, source)
    scores = _scores(run, dataset.test, framework)
    judgement = judge(scores, dataset.test.labels)
    return Judged(run, source or run.entry("asked", "data", str), dataset.test, scores, judgement)


def _data(run: Run, path: str, source: str | None) -> Dataset:
    """Return the data set of a run's training, or ``source``; it fits the run."""
    own = run.entry("asked", "data", str)
    dataset = sources.load(own if source is None else source)
    if source is None and dataset.fingerprint != run.entry("data", "fingerprint", str):
        raise DataError(
            f"{own} has changed since the run was trained on it; to judge the run on it as it is "
            f"now, name it: hardmax evaluate {path} {own}"
        )
    if dataset.shape != run.input_shape or len(dataset.classes) != len(run.classes):
        raise DataError(
            f"{source or own} has {len(dataset.classes)} classes of pictures {dataset.shape}, "
            f"the run {len(run.classes)} classes of pictures {run.input_shape}"
        )
    return dataset


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
class Prediction:
    """The class that a run gives a picture, its probability, and every class's score."""

    file: str
    label: str
    probability: float
    scores: list[float]


def predict(
    path: str, files: Sequence[str], framework: str | None = None
) -> tuple[list[Prediction], list[str]]:
    """Return a run's predictions for picture files, and how the pictures had to be changed.

    ``framework`` makes them, or that of the training. Raises RunError for a run that cannot be
    used, DataError for a file that is no picture; then nothing is predicted.
    """
    run = Run.open(path)
    read = [read_picture(file, run.input_shape) for file in files]
    changes = [f"{file}: {change}" for file, (_, change) in zip(files, read, strict=True) if change]
    images = np.stack([pixels for pixels, _ in read])
    scores = _scores(run, Pictures(images, np.zeros(len(files), np.int64)), framework)
    probabilities = np.exp(log_softmax(scores))
    return [
        Prediction(file, run.classes[best], float(chances[best]), own.tolist())
        for file, best, chances, own in zip(
            files, scores.argmax(axis=1), probabilities, scores, strict=True
        )
    ], changes
