"""What a trainer does with a model that ``auto`` returned together with it."""

import os
from collections.abc import Sequence
from pathlib import Path

from hardmax.errors import ArgumentError
from hardmax.evaluation.metrics import Evaluation
from hardmax.training.contracts import DataModule, EpochRecord, Plan
from hardmax.training.evaluator import Evaluator, ModelT, Tensor
from hardmax.training.own_data import OwnData, check_weights

__all__ = ["Planned"]


class Planned(Evaluator[ModelT, Tensor]):
    """Base class of trainers: trains, evaluates and saves the model of its ``plan``, if any."""

    #: How to train the model that ``auto`` returned together with this trainer.
    plan: Plan | None = None
    model: ModelT
    history: Sequence[EpochRecord] = ()

    def fit_as_planned(self, plan: Plan, data: DataModule[Tensor]) -> None:
        """Train the model of a plan, and give it the trained weights."""
        plan.own(data)
        self.run_device = self.find_device()
        weights, self.history = plan.fit(self)
        model: ModelT = plan.model
        self.set_weights(model, weights)
        self.runtime.place(model, self.run_device)
        self.runtime.set_training(model, False)
        model.trainer = self
        self.model = model

    def evaluate(self, model: ModelT, data: DataModule[Tensor]) -> Evaluation:
        """Evaluate ``model`` with its loss, on the test set of data that ``load_data`` returned.

        Of any other ``data`` on the validation set. Raises ArgumentError if there is none.
        """
        if self.plan is not None and model is self.plan.model and isinstance(data, OwnData):
            data = self.plan.own(data)
        check_weights(model, data)
        return super().evaluate(model, data)

    def save(self, folder: str | os.PathLike[str], *, baselines: bool = True) -> Path:
        """Save the last fit of a model that ``auto`` returned as a run folder; return its path.

        The network is evaluated on the test set and, with ``baselines``, compared with plain
        classifiers, as by ``hardmax train``; every command reads the folder. Raises ArgumentError
        before a fit, after the fit of any other model, and for a folder that is not empty, and
        RunError if it cannot be written.
        """
        if self.plan is None:
            raise ArgumentError(
                "a run is saved of a model that auto returned together with its trainer; use "
                "model, trainer = auto(data), or auto(data, model=NAME) for a network of yours"
            )
        return self.plan.save(self, os.fspath(folder), baselines=baselines)
