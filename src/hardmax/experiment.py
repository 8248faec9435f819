"""What the command line does, without its words: train a run, judge it, use it."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import hardmax
from hardmax import architectures, frameworks, report
from hardmax.callbacks import Callback
from hardmax.checks import check_whole
from hardmax.data import sources
from hardmax.data.arrays import Dataset, Pictures, split_off
from hardmax.data.pictures import read_picture
from hardmax.errors import ArgumentError, DataError
from hardmax.initializers import starting_weights
from hardmax.metrics import Evaluation, log_softmax
from hardmax.run import Run, RunWriter

__all__ = ["Keeper", "Prediction", "Settings", "Trained", "evaluate", "predict", "train"]


@dataclass(frozen=True)
class Settings:
    """What is asked of a training. Raises ArgumentError for values that make no sense."""

    data: str
    model: str = "softmax-regression"
    framework: str = "torch"
    epochs: int = 10
    batch_size: int = 256
    lr: float = 0.1
    seed: int = 0
    device: str = "auto"
    validation: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        check_whole("epochs", self.epochs, 1)
        check_whole("batch size", self.batch_size, 1)
        check_whole("seed", self.seed, 0)
        if not 0 < self.lr < float("inf"):
            raise ArgumentError(f"learning rate must be a number above 0, got {self.lr}")
        if self.validation is not None and not 0 < self.validation < 1:
            raise ArgumentError(f"validation must be a fraction of 0 to 1, got {self.validation}")
        if self.patience is not None:
            check_whole("patience", self.patience, 1)
            if self.validation is None:
                raise ArgumentError(
                    "early stopping must not go by the test set; "
                    "give --validation FRACTION to split a part off the training set for it"
                )
        architectures.check_name(self.model)
        frameworks.check(self.framework)


@dataclass(frozen=True)
class Trained:
    """A finished training: where its run is, its epochs, and how it does on the test set."""

    path: Path
    settings: Settings
    epochs: list[dict[str, Any]]
    test: Evaluation
    interrupted: bool
    stopped_early: bool


class Keeper(Callback):
    """Keeps the whole epochs and their weights, for when training is cut short."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, Any]] = []
        self.weights: dict[str, np.ndarray] | None = None

    def on_epoch(self, trainer: Any, record: dict[str, Any]) -> None:
        """Keep the epochs so far, and copies of the weights as they are now."""
        self.weights = trainer.get_weights(trainer.model)
        self.epochs = [*trainer.history]


def train(settings: Settings, out: str | None = None, watcher: Callback | None = None) -> Trained:
    """Train a network and write its run folder; ``watcher`` is told of the host events.

    An interruption by Ctrl-C after the first epoch ends the training and keeps the epochs that
    are whole; before that it is passed on. Raises HardmaxError for whatever cannot be done, and
    then leaves nothing behind.
    """
    dataset = sources.load(settings.data)
    sibling = frameworks.load(settings.framework)
    fitted, test = _parts(settings, dataset)
    network = architectures.NETWORKS[settings.model](len(dataset.classes))
    model = sibling.models.NetworkClassifier(network, dataset.shape, settings.lr)
    model.board.display = False
    keeper = Keeper()
    trainer = sibling.Trainer(
        settings.epochs,
        seed=settings.seed,
        device=settings.device,
        patience=settings.patience,
        callbacks=[keeper, *([watcher] if watcher else [])],
    )
    made_with = _made_with(settings.framework, str(trainer.find_device()))
    trainer.set_weights(model, starting_weights(network, dataset.shape, settings.seed))
    with RunWriter(out, f"{dataset.name}-{settings.model}-{settings.framework}") as writer:
        data = sibling.data.PictureData(*fitted, settings.batch_size)
        interrupted = _fit(trainer, model, data, keeper)
        tested = sibling.data.PictureData(None, test, settings.batch_size)
        evaluation = trainer.evaluate(model, tested)
        record = {
            "asked": {**asdict(settings), "data": _lasting(settings.data)},
            "made_with": made_with,
            "data": _described(dataset, fitted),
            "results": {
                "epochs": len(keeper.epochs),
                "interrupted": interrupted,
                "stopped_early": trainer.should_stop,
                "test": evaluation.as_dict(),
            },
        }
        run = Run(record, network, dataset.shape, dataset.classes, trainer.get_weights(model))
        scores = trainer.scores(model, tested.val_dataloader())
        page = report.render(record, keeper.epochs, test, scores, dataset.classes)
        path = writer.finish(run, keeper.epochs, page)
    return Trained(path, settings, keeper.epochs, evaluation, interrupted, trainer.should_stop)


def _fit(trainer: Any, model: Any, data: Any, keeper: Keeper) -> bool:
    """Fit, and tell whether Ctrl-C ended it; the model then has its last whole epoch's weights."""
    try:
        trainer.fit(model, data)
    except KeyboardInterrupt:
        if keeper.weights is None:
            raise
        trainer.set_weights(model, keeper.weights)
        return True
    return False


def _parts(settings: Settings, dataset: Dataset) -> tuple[tuple[Pictures, Pictures], Pictures]:
    """Return what to fit (training and validation part), and the test set.

    Without a validation part of its own the curves are drawn on the test set; nothing is chosen
    by them.
    """
    if settings.validation is None:
        return (dataset.train, dataset.test), dataset.test
    return split_off(dataset.train, settings.validation, settings.seed), dataset.test


def _lasting(source: str) -> str:
    """Return a data set's name, or a path that is right from any folder."""
    return source if source in sources.NAMED else os.path.abspath(source)


def _made_with(framework: str, device: str) -> dict[str, Any]:
    return {
        "hardmax": hardmax.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **frameworks.versions(framework),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "device": device,
    }


def _described(dataset: Dataset, fitted: tuple[Pictures, Pictures]) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "classes": list(dataset.classes),
        "shape": list(dataset.shape),
        "train": len(fitted[0]),
        "validation": 0 if fitted[1] is dataset.test else len(fitted[1]),
        "test": len(dataset.test),
    }


def evaluate(path: str, source: str | None = None) -> Evaluation:
    """Judge a run on the test set of the data it was trained on, or on that of ``source``.

    Raises RunError for a run that cannot be used, DataError for data that does not fit it, or
    that is no longer what the run was trained on.
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
    sibling, trainer, model = _revived(run)
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


def predict(path: str, files: Sequence[str]) -> tuple[list[Prediction], list[str]]:
    """Return a run's predictions for picture files, and how the pictures had to be changed.

    Raises RunError for a run that cannot be used, DataError for a file that is no picture;
    then nothing is predicted.
    """
    run = Run.open(path)
    read = [read_picture(file, run.input_shape) for file in files]
    changes = [f"{file}: {change}" for file, (_, change) in zip(files, read, strict=True) if change]
    images = np.stack([pixels for pixels, _ in read])
    sibling, trainer, model = _revived(run)
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


def _revived(run: Run) -> tuple[ModuleType, Any, Any]:
    """Return the sibling that a run was made with, a trainer, and the run's model."""
    sibling = frameworks.load(run.entry("asked", "framework", str))
    lr = run.entry("asked", "lr", int | float)
    model = sibling.models.NetworkClassifier(run.network, run.input_shape, lr)
    trainer = sibling.Trainer(1, device="auto")
    trainer.set_weights(model, run.weights)
    return sibling, trainer, model
