"""Trains a network and writes its run folder, also if the training is interrupted."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hardmax import frameworks
from hardmax.data.datasets import Dataset
from hardmax.runs.baselines import fit_baselines
from hardmax.runs.best_weights import TrainingState
from hardmax.runs.interruptions import Interruptions
from hardmax.runs.preparation import prepared
from hardmax.runs.saving import Finished, Trained, save_run
from hardmax.runs.settings import Settings
from hardmax.runs.writer import RunWriter, check_out, folder_name
from hardmax.training.callbacks import Callback
from hardmax.training.contracts import EpochRecord, Trainer

__all__ = ["RunCallback", "train"]


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
    fitting = ready.fitting(
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
            dataset.log_notices(log)
            ready.log_choices(log)
        if callback is not None:
            callback.on_data(dataset, settings)
        started = datetime.now().astimezone()
        # First, because Ctrl-C during the training shall end it at once.
        fitted_baselines = fit_baselines(dataset, settings, log) if baselines else None
        if fitting.extractor is not None and not settings.finetune:
            # They are needed after the fit, when Ctrl-C would not end it.
            fitting.extractor.features(dataset.test)
        start = time.perf_counter()
        fitted = fitting.fit()
        seconds = time.perf_counter() - start
        return save_run(
            Finished(ready, fitted, started, seconds),
            writer,
            baselines=fitted_baselines,
            log=log,
            settle=interruptions.settle,
        )
