"""The fast path in PyTorch: runs the model on a chunk of batches."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import nn

from hardmax.evaluation.totals import Collected, Steps
from hardmax.torch.module import Module
from hardmax.training.dispatch import counter
from hardmax.training.sharing import Share

__all__ = [
    "Alone",
    "Optimizer",
    "Trainer",
    "evaluate",
    "feature_gradients",
    "fetch",
    "scores",
    "train",
]

Result = TypeVar("Result")


class Optimizer(Protocol):
    """PyTorch's optimizers, and the book's."""

    def zero_grad(self) -> object:
        """Set all gradients to zero."""

    def step(self) -> object:
        """Update the weights."""


class Alone:
    """Computes the gradients of a process that trains alone."""

    def compute(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return what a function returns that computes a loss."""
        return function(*arguments)

    def backward(self, loss: torch.Tensor) -> None:
        """Compute the gradients of a loss."""
        loss.backward()

    def close(self) -> None:
        """End a fit."""


class Trainer(Protocol):
    """The trainer, as the engine sees it."""

    model: Module
    optim: Optimizer
    gradient_clip_val: float
    replica: Alone

    @property
    def share(self) -> Share:
        """This process's share of the batch that is being run."""

    def prepare_batch(self, batch: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return a batch's tensors on the run's device."""

    def choose_threads(self, model: Module, X: torch.Tensor) -> None:
        """Run all further batches like ``X`` on one thread if they are small."""

    def clip_gradients(self, grad_clip_val: float, model: nn.Module) -> None:
        """Scale all gradients of a model so that their global norm is at most ``grad_clip_val``."""


def train(trainer: Trainer, chunk: Iterable[Sequence[torch.Tensor]]) -> Steps:
    """Take an optimizer step on every batch of a chunk, and return the steps.

    Calls the model's ``loss`` and ``accuracy``. The host waits for the device once, at the end.
    """
    model, optim, replica = trainer.model, trainer.optim, trainer.replica
    clip = trainer.gradient_clip_val
    collected = Collected(counter(model), fetch)
    model.train()
    for batch in chunk:
        *inputs, labels = trainer.prepare_batch(batch)
        loss, outputs = replica.compute(_compute, trainer, model, inputs, labels)
        optim.zero_grad()
        replica.backward(loss)
        with torch.no_grad():
            if clip > 0:
                trainer.clip_gradients(clip, model)
            optim.step()
            _collect(collected, trainer, loss.detach(), outputs, labels)
    return collected.steps()


def evaluate(trainer: Trainer, model: Module, chunk: Iterable[Sequence[torch.Tensor]]) -> Steps:
    """Evaluate a model on a chunk of batches, and return the steps."""
    collected = Collected(counter(model), fetch)
    model.eval()
    with torch.no_grad():
        for batch in chunk:
            *inputs, labels = trainer.prepare_batch(batch)
            loss, outputs = _compute(trainer, model, inputs, labels)
            _collect(collected, trainer, loss, outputs, labels)
    return collected.steps()


def _compute(
    trainer: Trainer, model: Module, inputs: Sequence[torch.Tensor], labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss and the outputs of a batch, these without a graph."""
    outputs = model(*inputs)
    trainer.choose_threads(model, inputs[0])
    return model.loss(outputs, labels), outputs.detach()


def _collect(
    collected: Collected[torch.Tensor],
    trainer: Trainer,
    loss: torch.Tensor,
    outputs: torch.Tensor,
    labels: torch.Tensor,
) -> None:
    """Add the results of a batch; what stands in for an empty share does not count."""
    collected.add(loss, outputs, labels)
    if not trainer.share.own:
        collected.examples[-1] = 0


def scores(trainer: Trainer, model: Module, loader: Iterable[Sequence[torch.Tensor]]) -> np.ndarray:
    """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""
    model.eval()
    outputs = []
    with torch.no_grad():
        for batch in loader:
            inputs = trainer.prepare_batch(batch)[:-1]
            outputs.append(model(*inputs))
            trainer.choose_threads(model, inputs[0])
    return torch.cat(outputs).float().cpu().numpy()


def feature_gradients(
    trainer: Trainer, body: Module, head: Module, batch: Sequence[torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the feature maps of a batch of images, and the gradients of scores by them.

    ``body`` computes the feature maps, ``head`` scores from them, both in evaluation mode; the
    score of each image is that of its label. Both arrays are float32 (examples, rows, columns,
    channels).
    """
    *inputs, labels = trainer.prepare_batch(batch)
    with torch.no_grad():
        found = body(*inputs)
    total = head(found.requires_grad_()).gather(1, labels[:, None]).sum()
    arrays = (found.detach(), *torch.autograd.grad(total, found))
    features, gradients = (one.permute(0, 2, 3, 1).float().cpu().numpy() for one in arrays)
    return features, gradients


def fetch(values: list[torch.Tensor]) -> np.ndarray:
    """Fetch scalars from the device in one transfer, as an array of shape (len(values),)."""
    if not values:
        return np.zeros(0)
    stacked = torch.stack(values)
    # NumPy has no bfloat16.
    return (stacked.float() if stacked.dtype == torch.bfloat16 else stacked).cpu().numpy()
