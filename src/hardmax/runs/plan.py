"""The plan of a training: how the model that ``auto`` returned is trained and saved."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from hardmax.errors import ArgumentError, RunError
from hardmax.runs.baselines import fit_baselines
from hardmax.runs.members import trainer_arguments
from hardmax.runs.preparation import Prepared
from hardmax.runs.saving import Finished, save_run
from hardmax.runs.settings import Settings
from hardmax.runs.writer import folder_name, run_writer
from hardmax.training.contracts import EpochRecord
from hardmax.training.own_data import OwnData

__all__ = ["OwnPlan"]

log = logging.getLogger(__name__)


class OwnPlan:
    """Trains ``model`` on the user's own data as ``hardmax train`` does; implements ``Plan``.

    ``data`` is what it is trained and tested on: the data ``given`` to ``auto``, unless the
    settings required that to be read in another way.
    """

    def __init__(
        self,
        ready: Prepared,
        model: Any,
        *,
        given: OwnData[Any, Any],
        data: OwnData[Any, Any],
    ):
        self.ready, self.model = ready, model
        self.given, self.data = given, data
        self.finished: Finished | None = None

    @property
    def settings(self) -> Settings:
        """The settings of the training, with all that was chosen."""
        return self.ready.settings

    def own(self, data: object) -> OwnData[Any, Any]:
        """Return the data that the model is trained and tested on, if ``data`` is what it is for.

        Raises ArgumentError otherwise.
        """
        if isinstance(data, OwnData):
            if data is self.given or data is self.data:
                return self.data
            for known in (self.given, self.data):
                is_read_alike = data.reading == known.reading
                if is_read_alike and data.dataset.fingerprint == known.dataset.fingerprint:
                    return self.data
        raise ArgumentError(
            f"the model was made by auto for {self.given.source}, and the data is {data!r}; call "
            "auto with this data, or save the run and use the commands evaluate and predict"
        )

    def fit(self, trainer: Any) -> tuple[Mapping[str, np.ndarray], Sequence[EpochRecord]]:
        """Train, with the callbacks of a trainer; return the weights of the model and the history.

        Raises ArgumentError if the arguments of the trainer are no longer those of the settings,
        and DivergenceError.
        """
        fixed = {**trainer_arguments(self.settings), "checkpoint": None, "resume": None}
        for name, value in fixed.items():
            if getattr(trainer, name) != value:
                raise ArgumentError(
                    f"{name} of the trainer was changed from {value!r} to "
                    f"{getattr(trainer, name)!r}; give settings of the training to auto"
                )
        self.finished = None
        fitting = self.ready.fitting(callbacks=[*trainer.callbacks], shown=self.model)
        started, start = datetime.now().astimezone(), time.perf_counter()
        fitted = fitting.fit()
        self.finished = Finished(self.ready, fitted, started, time.perf_counter() - start)
        return fitted.weights, fitted.epochs

    def save(self, trainer: Any, folder: str, *, baselines: bool) -> Path:
        """Write the run folder of the last fit; return its path. Raises like ``Trainer.save``."""
        finished = self.finished
        if finished is None:
            raise ArgumentError("there is nothing to save yet; call trainer.fit(model, data) first")
        self._check_unchanged(trainer, finished)
        settings, dataset = self.ready.settings, self.ready.dataset
        name = folder_name(dataset.name, settings.model, settings.framework)
        try:
            writer = run_writer(folder, name)
        except RunError as error:
            raise ArgumentError(str(error)) from error
        with writer:
            fitted = fit_baselines(dataset, settings, log.warning) if baselines else None
            path = save_run(finished, writer, baselines=fitted, log=log.warning).path
            trainer.group.wait()  # for the first process to write it
            return path

    def _check_unchanged(self, trainer: Any, finished: Finished) -> None:
        """Raise ArgumentError if the last fit was of another model, or the weights are others."""
        if trainer.model is not self.model:
            raise ArgumentError(
                f"the last fit was of {type(trainer.model).__name__}, which is not the model that "
                "auto returned with this trainer; use model, trainer = auto(data, model=NAME)"
            )
        weights = trainer.get_weights(self.model)
        fitted = finished.fitted.weights
        if any(not np.array_equal(weights[name], fitted[name]) for name in fitted):
            raise ArgumentError(
                "the weights of the model were changed after the fit, so that its record would not "
                "be true of them; save the run right after trainer.fit(model, data)"
            )
