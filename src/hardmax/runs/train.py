"""Trains a network and writes its run folder, also if the training is interrupted."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hardmax import frameworks
from hardmax.data.datasets import Dataset
from hardmax.processes.group import group
from hardmax.runs.baselines import fit_baselines
from hardmax.runs.best_weights import TrainingState
from hardmax.runs.interruptions import Interruptions
from hardmax.runs.kept_training import KeptTraining, about_training
from hardmax.runs.preparation import Prepared, prepared
from hardmax.runs.saving import Finished, Trained, save_run
from hardmax.runs.settings import Settings
from hardmax.runs.unfinished import Unfinished
from hardmax.runs.writer import RUNS, check_out, folder_name, run_writer
from hardmax.training.callbacks import Callback
from hardmax.training.intervals import CHECKPOINT_EVERY, check_minutes

__all__ = ["RunCallback", "train"]


class RunCallback(Callback):
    """Base class of callbacks of a training that writes a run."""

    def on_data(self, dataset: Dataset, settings: Settings) -> None:
        """Called before the fit, once the data has been read and everything is checked.

        ``settings`` have what the data has chosen in place of the model ``auto``.
        """

    def on_resume(self, networks: int) -> None:
        """Called after ``on_data`` with the number of networks that a training has finished."""


def train(
    settings: Settings,
    out: str | None = None,
    callback: RunCallback | None = None,
    log: Callable[[str], None] | None = None,
    *,
    baselines: bool = True,
    resumed: Unfinished | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Trained:
    """Train a network and write its run folder; ``callback`` receives the training events.

    The ``baselines`` are fitted first, and compared with the network on the test set.
    ``log`` receives notices and warnings: before the training about the data, and after it if the
    network learned nothing. Ctrl-C after the first epoch ends the training, and the run folder is
    written with the completed epochs. Raises KeyboardInterrupt with a message if Ctrl-C comes
    earlier, or a second time while the run is evaluated and saved, and HardmaxError for any other
    failure.

    A training that is stopped leaves its state behind, which is saved every ``checkpoint_every``
    minutes and at the ends of epochs. Given as ``resumed``, it goes on from there, and ends as if
    it had never been stopped. No other files are left behind.

    Of several processes, all train, and only the first one writes. Ctrl-C ends them at once, also
    after the first epoch.
    """
    check_minutes(checkpoint_every)
    with Interruptions(waits=group().size == 1) as interruptions:
        states: list[TrainingState] = []
        try:
            frameworks.check(settings.framework)
            if group().size > 1:  # before the data is read, as MXNet trains in one
                frameworks.load(settings.framework).Trainer.processes.join()
            if out is not None and group().is_first:
                check_out(out)  # reading the data, and measuring for --minutes, may take long
            ready = prepared(settings, chosen=None if resumed is None else resumed.settings)
            trained = _train(
                ready,
                out,
                states=states,
                callback=callback,
                interruptions=interruptions,
                log=log or _ignore,
                baselines=baselines,
                resumed=resumed,
                checkpoint_every=checkpoint_every,
            )
        except KeyboardInterrupt as interruption:
            if not interruptions.waits:
                when = "in the middle of the training"
            elif states:
                when = "while saving the run"
            elif resumed is not None and resumed.has_epoch:
                when = "before the training went on"
            else:
                when = "before the first epoch was complete"
            left = str(interruption) or "nothing was saved"
            raise KeyboardInterrupt(f"{when}; {left}") from None
        return replace(trained, interrupted=interruptions.count > 0)


def _ignore(message: str) -> None:
    """Log nothing."""


def _train(
    ready: Prepared,
    out: str | None,
    *,
    states: list[TrainingState],
    callback: RunCallback | None,
    interruptions: Interruptions,
    log: Callable[[str], None],
    baselines: bool,
    resumed: Unfinished | None,
    checkpoint_every: float,
) -> Trained:
    settings, dataset = ready.settings, ready.dataset
    # So that a broken framework or a missing device is found before anything is logged.
    frameworks.load(settings.framework).Trainer(1, device=settings.device).find_device()
    about = about_training(ready, baselines=baselines)
    name, parent = folder_name(dataset.name, settings.model, settings.framework), RUNS
    if resumed is not None:
        resumed.check(about, log)
        name, parent = resumed.run.name, resumed.run.parent
    with (
        run_writer(out, name, parent) as writer,
        KeptTraining(
            writer.path, about, resumed=resumed, interruptions=interruptions, tell=log
        ) as kept,
        contextlib.ExitStack() as cleaning_up,
    ):
        cleaning_up.callback(interruptions.settle)
        fitting = ready.fitting(
            states=states,
            callbacks=[callback] if callback else [],
            interruptions=interruptions,
            store=kept,
            checkpoint_every=checkpoint_every,
        )
        # After every check, so that an error is the only line.
        dataset.log_notices(log)
        ready.log_choices(log)
        if resumed is not None:
            log(f"going on with the training in {resumed.folder} after {resumed}")
        if callback is not None:
            callback.on_data(dataset, settings)
            callback.on_resume(0 if resumed is None else resumed.finished)
        # First, because Ctrl-C during the training shall end it at once.
        fitted_baselines = fit_baselines(dataset, settings, log) if baselines else None
        if fitting.extractor is not None and not settings.finetune:
            # They are needed after the fit, when Ctrl-C would not end it.
            fitting.extractor.features(dataset.test)
        kept.start_clock()
        fitted = fitting.fit()
        trained = save_run(
            Finished(ready, fitted, datetime.fromisoformat(about["started"]), kept.seconds),
            writer,
            baselines=fitted_baselines,
            log=log,
            settle=interruptions.settle,
        )
        if not fitted.is_whole(settings):
            return replace(trained, resumable=kept.folder)
        kept.discard()
        return trained
