"""Trains a network and writes its run folder, also if the training is interrupted."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from hardmax import frameworks
from hardmax.data.datasets import Dataset
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.reports import report
from hardmax.reports.records import BaselineRecord, MemberRecord
from hardmax.reports.suspects import Suspects
from hardmax.runs.activation import mistake_maps
from hardmax.runs.baselines import fit_baselines
from hardmax.runs.best_weights import TrainingState
from hardmax.runs.command import command_line
from hardmax.runs.data import links_of
from hardmax.runs.explain import explain_training
from hardmax.runs.fitting import Fitting
from hardmax.runs.interruptions import Interruptions
from hardmax.runs.preparation import prepared
from hardmax.runs.results import evaluated
from hardmax.runs.settings import Settings
from hardmax.runs.writer import RunWriter, check_out, folder_name
from hardmax.training.callbacks import Callback
from hardmax.training.contracts import EpochRecord, Trainer

__all__ = ["RunCallback", "Trained", "train"]


@dataclass(frozen=True)
class Trained:
    """A finished training: the path of its run, its history and its evaluation on the test set.

    ``weights_epoch`` is the epoch whose weights were saved; ``members`` are the records of the
    members of an ensemble, of which it is the last. ``held_out`` is what the epochs were evaluated
    on: ``folds``, ``validation set`` or ``test set``. ``baselines`` is empty without any.
    ``suspects`` are the examples of each set whose labels may be wrong; ``warnings`` are about the
    data and the training.
    """

    path: Path
    settings: Settings
    epochs: list[EpochRecord]
    weights_epoch: int
    test: ClassifierEvaluation
    baselines: list[BaselineRecord]
    suspects: list[Suspects]
    warnings: list[str]
    interrupted: bool
    held_out: str
    members: list[MemberRecord] = field(default_factory=list)


class RunCallback(Callback):
    """Base class of callbacks of a training that writes a run."""

    def on_data(self, dataset: Dataset, settings: Settings) -> None:
        """Called before the fit, once the data has been read and everything is checked.

        ``settings`` have what the data has chosen in place of the model ``auto``.
        """


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

    The ``baselines`` are fitted first, and compared with the network on the test set.
    ``log`` receives notices and warnings: before the training about the data, and after it if the
    network learned nothing. Ctrl-C after the first epoch ends the training, and the run folder is
    written with the completed epochs. Raises KeyboardInterrupt with a message if Ctrl-C comes
    earlier, or a second time while the run is evaluated and saved, and HardmaxError for any other
    failure; then no files are left behind.
    """
    with Interruptions() as interruptions:
        states: list[TrainingState] = []
        try:
            trained = _train(
                settings,
                out,
                states=states,
                callback=callback,
                interruptions=interruptions,
                log=log,
                baselines=baselines,
            )
        except KeyboardInterrupt:
            when = "while saving the run" if states else "before the first epoch was complete"
            raise KeyboardInterrupt(f"{when}; nothing was saved") from None
        return replace(trained, interrupted=interruptions.count > 0)


def _train(
    settings: Settings,
    out: str | None,
    *,
    states: list[TrainingState],
    callback: RunCallback | None,
    interruptions: Interruptions,
    log: Callable[[str], None] | None,
    baselines: bool,
) -> Trained:
    frameworks.check(settings.framework)
    if out is not None:
        check_out(out)  # reading the data, and measuring for --minutes, may take long
    ready = prepared(settings)
    settings, dataset = ready.settings, ready.dataset
    fitting = Fitting(
        settings,
        dataset.train,
        ready.held_out,
        classes=dataset.classes,
        ordered=ready.ordered,
        class_weights=settings.class_weights,
        start=ready.start,
        states=states,
        callbacks=[*([callback] if callback else []), _Stop(interruptions)],
        interruptions=interruptions,
    )
    # So that a broken framework or a missing device is found before anything is logged.
    frameworks.load(settings.framework).Trainer(1, device=settings.device).find_device()
    with (
        RunWriter(out, folder_name(dataset.name, settings.model, settings.framework)) as writer,
        contextlib.ExitStack() as cleaning_up,
    ):
        cleaning_up.callback(interruptions.settle)
        # After every check, so that an error is the only line.
        if log is not None:
            ready.log_notices(log)
        if callback is not None:
            callback.on_data(dataset, settings)
        started = datetime.now().astimezone()
        # First, because Ctrl-C during the training shall end it at once.
        fitted_baselines = fit_baselines(dataset, settings, log) if baselines else []
        if fitting.extractor is not None and not settings.finetune:
            # They are needed after the fit, when Ctrl-C would not end it.
            fitting.extractor.features(dataset.test)
        start = time.perf_counter()
        fitted = fitting.fit()
        seconds = time.perf_counter() - start
        session = fitted.session(settings, dataset.shape)
        run, evaluation, suspects = evaluated(
            settings, dataset, fitted, session=session, baselines=fitted_baselines
        )
        run.record["started"] = started.isoformat(timespec="seconds")
        run.record["seconds"] = seconds
        run.record["command"] = command_line(ready.asked, baselines=baselines)
        if log is not None:
            for warning in run.record["warnings"][len(dataset.warnings) :]:
                log(warning)
        explanation = explain_training(
            session, dataset, evaluation, seed=settings.seed, members=len(fitted.states)
        )
        page = report.render(
            run.record,
            dataset.test,
            evaluation,
            fitted.epochs,
            explanation=explanation,
            suspects=suspects,
            maps=mistake_maps(run, dataset.test, evaluation, device=settings.device),
            encoding=run.encoding,
            weights=run.weight_count,
            links=links_of(run, str(writer.target), run.settings.data),
        )
        writer.write(run, fitted.epochs, page, suspects)
        interruptions.settle()
        path = writer.publish()
    return Trained(
        path=path,
        settings=settings,
        epochs=fitted.epochs,
        weights_epoch=run.record["results"]["weights_epoch"],
        test=evaluation,
        suspects=suspects,
        warnings=run.record["warnings"],
        held_out=ready.held_out_name,
        baselines=run.record["results"].get("baselines", []),
        interrupted=False,
        members=run.record["results"].get("members", []),
    )
