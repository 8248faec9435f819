"""What is done with a run: it is judged, and used."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from hardmax import frameworks
from hardmax.data import sources
from hardmax.data.arrays import Pictures
from hardmax.data.pictures import read_picture
from hardmax.errors import DataError
from hardmax.metrics import Evaluation, log_softmax
from hardmax.recipes import Recipe
from hardmax.run import Run

__all__ = ["Prediction", "evaluate", "predict"]


def evaluate(path: str, source: str | None = None, framework: str | None = None) -> Evaluation:
    """Judge a run on the test set of the data it was trained on, or on that of ``source``.

    ``framework`` does it, or that of the training. Raises RunError for a run that cannot be used,
    DataError for data that does not fit it, or that is no longer what the run was trained on.
    """
    run = Run.open(path)
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
    sibling, trainer, model = _revived(run, framework)
    # The batches of the training, so that the sums round as they did there.
    data = sibling.data.PictureData(None, dataset.test, run.entry("asked", "batch_size", int))
    return trainer.evaluate(model, data)


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
    sibling, trainer, model = _revived(run, framework)
    pictures = Pictures(images, np.zeros(len(files), np.int64))
    data = sibling.data.PictureData(None, pictures, len(files))
    scores = trainer.scores(model, data.val_dataloader())
    probabilities = np.exp(log_softmax(scores))
    return [
        Prediction(file, run.classes[best], float(chances[best]), own.tolist())
        for file, best, chances, own in zip(
            files, scores.argmax(axis=1), probabilities, scores, strict=True
        )
    ], changes


def _revived(run: Run, framework: str | None) -> tuple[ModuleType, Any, Any]:
    """Return a sibling, that of the training unless another is named, a trainer, and the model."""
    sibling = frameworks.load(framework or run.entry("asked", "framework", str))
    model = sibling.models.NetworkClassifier(run.network, run.input_shape, Recipe())
    trainer = sibling.Trainer(1, device="auto")
    trainer.set_weights(model, run.weights)
    return sibling, trainer, model
