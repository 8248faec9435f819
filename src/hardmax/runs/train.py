"""Trains a network and writes its run folder, also if the training is interrupted."""

import contextlib
import math
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import hardmax
from hardmax import frameworks
from hardmax.data import load
from hardmax.data.datasets import Dataset
from hardmax.errors import ArgumentError, DivergenceError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.json_values import Json
from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.reports import report
from hardmax.reports.records import BaselineRecord, DataRecord, ResultsRecord, RunRecord
from hardmax.runs.baselines import compare_with, fit_baselines
from hardmax.runs.best_weights import BestWeights, TrainingState
from hardmax.runs.interruptions import Interruptions
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings
from hardmax.runs.writer import RunWriter, folder_name
from hardmax.training.callbacks import Callback
from hardmax.training.contracts import EpochRecord, Trainer

__all__ = ["RunCallback", "Trained", "train"]

#: A network has learned nothing if its loss is this many times that of guessing.
WORSE = 1.5


@dataclass(frozen=True)
class Trained:
    """A finished training: the path of its run, its history and its evaluation on the test set.

    ``weights_epoch`` is the epoch whose weights were saved. ``baselines`` is empty without any.
    """

    path: Path
    settings: Settings
    epochs: list[EpochRecord]
    weights_epoch: int
    test: ClassifierEvaluation
    baselines: list[BaselineRecord]
    interrupted: bool


class RunCallback(Callback):
    """Base class of callbacks of a training that writes a run."""

    def on_data(self, dataset: Dataset) -> None:
        """Called before the fit, once the data has been read and everything is checked."""


class _Stop(Callback):
    """Stops a fit after Ctrl-C."""

    def __init__(self, interruptions: Interruptions):
        self.interruptions = interruptions

    def on_chunk(self, trainer: Trainer) -> None:
        self.interruptions.check()

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        self.interruptions.check()


def train(
    settings: Settings,
    out: str | None = None,
    callback: RunCallback | None = None,
    log: Callable[[str], None] | None = None,
    *,
    baselines: bool = True,
) -> Trained:
    """Train a network and write its run folder; ``callback`` receives the training events.

    On a table the ``baselines`` are fitted first, and compared with the network on the test set.
    ``log`` receives notices: about how the data was read, before the training, and if the network
    learned nothing. Ctrl-C after the first epoch ends the training, and the run folder is written
    with the completed epochs. Raises KeyboardInterrupt with a message if Ctrl-C comes earlier, or a
    second time while the run is evaluated and saved, and HardmaxError for any other failure; then
    no files are left behind.
    """
    best_weights = BestWeights(by_validation_loss=settings.patience is not None)
    with Interruptions() as interruptions:
        try:
            trained = _train(
                settings,
                out,
                best_weights=best_weights,
                callback=callback,
                interruptions=interruptions,
                log=log,
                baselines=baselines,
            )
        except KeyboardInterrupt:
            has_epoch = best_weights.state is not None
            when = "while saving the run" if has_epoch else "before the first epoch was complete"
            raise KeyboardInterrupt(f"{when}; nothing was saved") from None
        return replace(trained, interrupted=interruptions.count > 0)


def _train(
    settings: Settings,
    out: str | None,
    *,
    best_weights: BestWeights,
    callback: RunCallback | None,
    interruptions: Interruptions,
    log: Callable[[str], None] | None,
    baselines: bool,
) -> Trained:
    dataset = _load(settings)
    callbacks = [best_weights, *([callback] if callback else []), _Stop(interruptions)]
    session = _session(settings, dataset, callbacks)
    environment = _environment(settings.framework, str(session.trainer.find_device()))
    with (
        RunWriter(out, folder_name(dataset.name, settings.model, settings.framework)) as writer,
        contextlib.ExitStack() as cleaning_up,
    ):
        cleaning_up.callback(interruptions.settle)
        # After every check, so that an error is the only line.
        dataset.log_notices(log)
        if callback is not None:
            callback.on_data(dataset)
        # First, because Ctrl-C during the training shall end it at once.
        fitted = fit_baselines(dataset, log) if baselines else []
        state = _fit(settings, session, dataset, best_weights, interruptions)
        _log_failure(settings, dataset, state, log)
        evaluation = _evaluate(settings, session, dataset)
        compared = compare_with(fitted, evaluation)
        record: RunRecord = {
            "settings": _settings_record(settings, dataset),
            "environment": environment,
            "data": _data_record(dataset),
            "results": _results_record(settings, session, state, evaluation, compared),
        }
        page = report.render(record, dataset.test, evaluation, state.epochs)
        writer.write(_run(record, session, dataset, state), state.epochs, page)
        interruptions.settle()
        path = writer.publish()
    return Trained(
        path=path,
        settings=settings,
        epochs=state.epochs,
        weights_epoch=state.epoch,
        test=evaluation,
        baselines=compared,
        interrupted=False,
    )


def _load(settings: Settings) -> Dataset:
    frameworks.check(settings.framework)
    dataset = load.load(settings.data, settings.reading)
    if settings.patience is not None and dataset.validation is None:
        raise ArgumentError(
            "early stopping (patience) must not use the test set; add --validation FRACTION to "
            "split off a validation set"
        )
    return dataset


def _session(settings: Settings, dataset: Dataset, callbacks: Sequence[Callback]) -> Session:
    """Return a session with the initial weights of the network."""
    shape = dataset.shape
    network = catalog.make(settings.model, shape, len(dataset.classes), **settings.options)
    return Session(
        frameworks.load(settings.framework),
        network=network,
        shape=shape,
        weights=initial_weights(
            network, shape, settings.seed, settings.initializer, dataset.train.inputs
        ),
        recipe=settings.recipe,
        max_epochs=settings.epochs,
        gradient_clip_val=settings.clip,
        seed=settings.seed,
        device=settings.device,
        patience=settings.patience,
        callbacks=callbacks,
    )


def _fit(
    settings: Settings,
    session: Session,
    dataset: Dataset,
    best_weights: BestWeights,
    interruptions: Interruptions,
) -> TrainingState:
    """Fit until done or Ctrl-C, load the weights to save into the model, and return the state.

    Without a validation set the epochs are evaluated on the test set, but nothing is chosen by it.
    Raises DivergenceError if the loss diverges, or a weight becomes NaN or infinite.
    """
    held_out = dataset.test if dataset.validation is None else dataset.validation
    batch_size = settings.batch(len(dataset.train))
    recipe = session.model.recipe
    advice = f"try a smaller --lr than {recipe.lr:g}, such as {recipe.smaller_rate:g}"
    interruptions.listen()
    try:
        session.fit(dataset.train, held_out, batch_size, settings.balanced)
        interruptions.hold()
    except DivergenceError as error:
        problem, _, rest = str(error).partition(";")
        if "learning rate" not in rest:
            raise
        # The Trainer's advice names arguments that the command line lacks.
        raise DivergenceError(f"{problem}; {advice}") from error
    except KeyboardInterrupt:
        if best_weights.state is None:
            raise
        interruptions.hold()
    assert best_weights.state is not None
    if not all(np.isfinite(array).all() for array in best_weights.state.weights.values()):
        raise DivergenceError(f"a weight became NaN or infinite; {advice}")
    session.trainer.set_weights(session.model, best_weights.state.weights)
    return best_weights.state


def _log_failure(
    settings: Settings,
    dataset: Dataset,
    state: TrainingState,
    log: Callable[[str], None] | None,
) -> None:
    """Log that a network learned nothing: on both sets it is worse than equal probabilities."""
    record, guessing = state.epochs[state.epoch - 1], math.log(len(dataset.classes))
    losses = [loss for loss in (record["train_loss"], record["val_loss"]) if loss is not None]
    # An average over the first epoch may be little better than guessing without any fault.
    if log is not None and not min(losses) <= WORSE * guessing:
        log(
            f"the training finished with a loss of {losses[0]:.3g}, worse than guessing: equal "
            f"probabilities for {len(dataset.classes)} classes give {guessing:.3g}; try a smaller "
            f"--lr than {settings.recipe.rate:g}, such as {settings.recipe.smaller_rate:g}"
        )


def _evaluate(settings: Settings, session: Session, dataset: Dataset) -> ClassifierEvaluation:
    scores = session.scores(dataset.test, settings.batch(len(dataset.train)))
    return ClassifierEvaluation(scores, dataset.test.labels, classes=dataset.classes)


def _run(record: RunRecord, session: Session, dataset: Dataset, state: TrainingState) -> Run:
    return Run(
        record=record,
        network=session.network,
        input_shape=dataset.shape,
        classes=dataset.classes,
        weights=state.weights,
        encoding=dataset.encoding,
    )


def _settings_record(settings: Settings, dataset: Dataset) -> dict[str, Json]:
    test = settings.test
    return {
        **settings.as_record(),
        "batch_size": settings.batch(len(dataset.train)),
        "data": _absolute(settings.data),
        "test": _absolute(test) if isinstance(test, str) else test,
    }


def _absolute(source: str) -> str:
    """Return a path made absolute, and the name of a data set unchanged."""
    return source if source in load.NAMED else os.path.abspath(source)


def _environment(framework: str, device: str) -> dict[str, Json]:
    return {
        "hardmax": hardmax.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **frameworks.versions(framework),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "device": device,
    }


def _data_record(dataset: Dataset) -> DataRecord:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "classes": list(dataset.classes),
        "shape": list(dataset.shape),
        "train": len(dataset.train),
        "validation": 0 if dataset.validation is None else len(dataset.validation),
        "test": len(dataset.test),
        "preprocessing": dataset.preprocessing,
    }


def _results_record(
    settings: Settings,
    session: Session,
    state: TrainingState,
    evaluation: ClassifierEvaluation,
    baselines: list[BaselineRecord],
) -> ResultsRecord:
    completed, stopped_early = len(state.epochs), session.trainer.should_stop
    return {
        "epochs": completed,
        "weights_epoch": state.epoch,
        "interrupted": completed < settings.epochs and not stopped_early,
        "stopped_early": stopped_early,
        "test": evaluation.summary(),
        "baselines": baselines,
    }
