"""The book's Trainer in PyTorch, on top of the loop that all frameworks share."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from hardmax.evaluation.metrics import Evaluation
from hardmax.torch import engine, export, layers, processes, resuming, runtime
from hardmax.torch.engine import Alone, Optimizer
from hardmax.torch.module import Module, scratch_weights
from hardmax.training import trainer
from hardmax.training.contracts import (
    Batches,
    DataModule,
    Engine,
    Exporter,
    Layers,
    Processes,
    Resuming,
    Runtime,
)
from hardmax.training.dispatch import step_hook

__all__ = ["Trainer"]


class Trainer(trainer.Trainer[Module, torch.Tensor]):
    """Fits a model to data, with the arguments of its base class."""

    framework = "torch"
    engine: Engine["Trainer", Module, torch.Tensor] = engine
    export: Exporter[Module, torch.Tensor] = export
    layers: Layers[Module] = layers
    processes: Processes["Trainer"] = processes
    resuming: Resuming["Trainer"] = resuming
    runtime: Runtime[Module, torch.device] = runtime
    optim: Optimizer
    run_device: torch.device
    has_chosen_threads = False
    replica = Alone()

    def fit(self, model: Module, data: DataModule[torch.Tensor]) -> None:
        """Train ``model`` on ``data`` for at most ``max_epochs``; small steps on one thread.

        Raises the errors of the shared trainer.
        """
        with self._threads(), self._replica():
            super().fit(model, data)

    def evaluate(self, model: Module, data: DataModule[torch.Tensor]) -> Evaluation:
        """Evaluate ``model`` with its loss, on the test set of data that ``load_data`` returned.

        Of any other ``data`` on the validation set. Raises ArgumentError if there is none.
        """
        with self._threads():
            return super().evaluate(model, data)

    def scores(self, model: Module, loader: Batches[torch.Tensor]) -> np.ndarray:
        """Return the scores of a loader's examples, in order.

        A float32 NumPy array of shape (examples, classes).
        """
        with self._threads():
            return super().scores(model, loader)

    @contextlib.contextmanager
    def _threads(self) -> Iterator[None]:
        """Choose the number of threads anew in a block, and restore it after it."""
        before, self.has_chosen_threads = self.has_chosen_threads, False
        try:
            with runtime.threads_restored():
                yield
        finally:
            self.has_chosen_threads = before

    @contextlib.contextmanager
    def _replica(self) -> Iterator[None]:
        """Restore what computes the gradients after a block."""
        before = self.replica
        try:
            yield
        finally:
            self.replica.close()
            self.replica = before

    def choose_threads(self, model: Module, X: torch.Tensor) -> None:
        """Run all further batches like ``X`` on one thread if they are small.

        Called after the first batch, which creates the weights of lazy layers.
        """
        if self.has_chosen_threads:
            return
        self.has_chosen_threads = True
        if torch.is_tensor(X) and X.device.type == "cpu" and runtime.is_small(weights_of(model), X):
            torch.set_num_threads(1)

    @step_hook
    def prepare_batch(self, batch: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return a batch's tensors on the run's device."""
        return tuple(a.to(self.run_device) for a in batch)

    def train_on(self, batch: Sequence[torch.Tensor]) -> None:
        """Take an optimizer step on a batch, through the hooks."""
        batch = self.prepare_batch(batch)
        loss = self.replica.compute(self.model.training_step, batch)
        if isinstance(batch, tuple | list) and batch:  # a hook may return anything
            self.choose_threads(self.model, batch[0])
        self.optim.zero_grad()
        self.replica.backward(loss)
        with torch.no_grad():
            if self.gradient_clip_val > 0:
                self.clip_gradients(self.gradient_clip_val, self.model)
            self.optim.step()

    def validate_on(self, batch: Sequence[torch.Tensor]) -> None:
        """Take the model's validation step on a batch, without gradients."""
        with torch.no_grad():
            super().validate_on(batch)

    def watched(
        self, loader: Batches[torch.Tensor], chunk: Any
    ) -> Iterable[Sequence[torch.Tensor]]:
        """Return a chunk of ``loader``; of several processes, this one's shares of its batches."""
        batches = super().watched(loader, chunk)
        return batches if self.sharing.size == 1 else map(processes.stand_in, batches)

    def clip_gradients(self, grad_clip_val: float, model: nn.Module) -> None:
        """Scale all gradients of a model so that their global norm is at most ``grad_clip_val``."""
        torch.nn.utils.clip_grad_norm_(weights_of(model), grad_clip_val)


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    """Return a model's parameters and its plain tensors that require gradients."""
    scratch = [weight for module in model.modules() for _, weight in scratch_weights(module)]
    return [*{id(weight): weight for weight in [*model.parameters(), *scratch]}.values()]
