"""Trains a network and writes its run folder, whenever and however the training ends."""

import contextlib
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import hardmax
from hardmax import frameworks
from hardmax.data import load
from hardmax.data.datasets import Dataset, Examples, split_off
from hardmax.errors import DivergenceError
from hardmax.evaluation.classification import Judgement, judge
from hardmax.networks import catalog
from hardmax.networks.initializers import starting_weights
from hardmax.reports import report
from hardmax.runs.best_weights import Keeper, Kept
from hardmax.runs.interruptions import Interruptions
from hardmax.runs.run import Run
from hardmax.runs.session import Equipment
from hardmax.runs.settings import Settings
from hardmax.runs.writer import RunWriter, folder_name
from hardmax.training.callbacks import Callback

__all__ = ["Trained", "train"]


@dataclass(frozen=True)
class Trained:
    """A finished training: where its run is, its epochs, and how it does on the test set.

    ``kept_epoch`` is the epoch after which the weights were as they are in the run.
    """

    path: Path
    settings: Settings
    epochs: list[dict[str, Any]]
    kept_epoch: int
    test: Judgement
    interrupted: bool


class _Stop(Callback):
    """Ends a fit where there was Ctrl-C."""

    def __init__(self, interruptions: Interruptions):
        self.interruptions = interruptions

    def on_stretch(self, trainer: Any) -> None:
        self.interruptions.check()

    def on_epoch(self, trainer: Any, record: dict[str, Any]) -> None:
        self.interruptions.check()


def train(
    settings: Settings,
    out: str | None = None,
    watcher: Callback | None = None,
    say: Callable[[str], None] | None = None,
) -> Trained:
    """Train a network and write its run folder; ``watcher`` is told of the host events.

    ``say`` is given what a person should know of how the data was read, before the training.
    Ctrl-C after the first epoch ends the training, and the run folder is written with the epochs
    that are whole. Raises KeyboardInterrupt, which says when it came, where Ctrl-C comes before
    that, or a second time while the run is judged and saved; HardmaxError for whatever cannot be
    done. Then nothing is left behind.
    """
    keeper = Keeper(lowest=settings.patience is not None)
    with Interruptions() as interruptions:
        try:
            trained = _train(settings, out, keeper, watcher, interruptions, say)
        except KeyboardInterrupt:
            when = "before an epoch was over" if keeper.kept is None else "while saving the run"
            raise KeyboardInterrupt(f"{when}; nothing kept") from None
        return replace(trained, interrupted=interruptions.count > 0)


def _train(
    settings: Settings,
    out: str | None,
    keeper: Keeper,
    watcher: Callback | None,
    interruptions: Interruptions,
    say: Callable[[str], None] | None,
) -> Trained:
    dataset = load.load(settings.data, settings.reading)
    fitted, test = _parts(settings, dataset)
    batch_size = settings.batch(len(fitted[0]))
    network = catalog.make(settings.model, dataset.shape, len(dataset.classes), **settings.options)
    equipment = Equipment(
        frameworks.load(settings.framework),
        network,
        dataset.shape,
        starting_weights(network, dataset.shape, settings.seed, settings.first_weights),
        settings.recipe,
        settings.epochs,
        gradient_clip_val=settings.clip,
        seed=settings.seed,
        device=settings.device,
        patience=settings.patience,
        callbacks=[keeper, *([watcher] if watcher else []), _Stop(interruptions)],
    )
    made_with = _made_with(settings.framework, str(equipment.trainer.find_device()))
    with (
        RunWriter(out, folder_name(dataset.name, settings.model, settings.framework)) as writer,
        contextlib.ExitStack() as cleaning_up,
    ):
        cleaning_up.callback(interruptions.settle)
        # Behind all that can be refused, so that an error is the only line.
        dataset.tell(say)
        data = (*fitted, batch_size, settings.balanced)
        kept = _fit(equipment, data, keeper, interruptions)
        stopped_early = equipment.trainer.should_stop
        scores = equipment.scores(test, batch_size)
        judged = judge(scores, test.labels)
        record = {
            "asked": {
                **asdict(settings),
                "batch_size": batch_size,
                "data": _lasting(settings.data),
                "test": _lasting(settings.test),
            },
            "made_with": made_with,
            "data": _described(dataset, fitted),
            "results": {
                "epochs": len(kept.epochs),
                "kept_epoch": kept.epoch,
                "interrupted": len(kept.epochs) < settings.epochs and not stopped_early,
                "stopped_early": stopped_early,
                "test": judged.summary(),
            },
        }
        classes, encoding = dataset.classes, dataset.encoding
        run = Run(record, network, dataset.shape, classes, kept.weights, encoding)
        page = report.render(record, kept.epochs, test, scores, classes, judged)
        writer.write(run, kept.epochs, page)
        interruptions.settle()
        path = writer.publish()
    return Trained(path, settings, kept.epochs, kept.epoch, judged, False)


def _fit(equipment: Equipment, data: tuple, keeper: Keeper, interruptions: Interruptions) -> Kept:
    """Fit, perhaps until Ctrl-C, and return what to keep; the model then has its weights.

    Raises DivergenceError where the loss or a weight is no finite number.
    """
    advice = f"try a smaller --lr than {equipment.model.recipe.lr:g}"
    interruptions.listen()
    try:
        equipment.fit(*data)
        interruptions.hold()
    except DivergenceError as error:
        # The Trainer's own advice has arguments that the command line lacks.
        epoch = len(equipment.trainer.history) + 1
        raise DivergenceError(
            f"the training loss became NaN or infinite in epoch {epoch}; {advice}"
        ) from error
    except KeyboardInterrupt:
        if keeper.kept is None:
            raise
        interruptions.hold()
    assert keeper.kept is not None
    if not all(np.isfinite(array).all() for array in keeper.kept.weights.values()):
        raise DivergenceError(f"a weight became NaN or infinite; {advice}")
    equipment.trainer.set_weights(equipment.model, keeper.kept.weights)
    return keeper.kept


def _parts(settings: Settings, dataset: Dataset) -> tuple[tuple[Examples, Examples], Examples]:
    """Return what to fit (training and validation part), and the test set.

    Without a validation part of its own the curves are drawn on the test set; nothing is chosen
    by them.
    """
    if settings.validation is None:
        return (dataset.train, dataset.test), dataset.test
    return split_off(dataset.train, settings.validation, settings.seed), dataset.test


def _lasting(source: Any) -> Any:
    """Return what is no path as it is, and a path so that it is right from any folder."""
    is_path = isinstance(source, str) and source not in load.NAMED
    return os.path.abspath(source) if is_path else source


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


def _described(dataset: Dataset, fitted: tuple[Examples, Examples]) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "classes": list(dataset.classes),
        "shape": list(dataset.shape),
        "train": len(fitted[0]),
        "validation": 0 if fitted[1] is dataset.test else len(fitted[1]),
        "test": len(dataset.test),
        "prepared": dataset.prepared,
    }
