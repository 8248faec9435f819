"""PyTorch's own fastest way through a stretch of batches."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from hardmax.roads import counter
from hardmax.totals import Steps

__all__ = ["evaluate", "scores", "train"]


def train(trainer: Any, stretch: Iterable) -> Steps:
    """Take a step of ``trainer.optim`` on every batch of a stretch; return the steps.

    The model's own ``loss`` and ``accuracy`` are called. The host waits for the device once,
    at the end.
    """
    model, optim = trainer.model, trainer.optim
    clip = trainer.gradient_clip_val
    collected = _Collected(model)
    model.train()
    for batch in stretch:
        *inputs, labels = trainer.prepare_batch(batch)
        outputs = model(*inputs)
        loss = model.loss(outputs, labels)
        optim.zero_grad()
        loss.backward()
        with torch.no_grad():
            if clip > 0:
                trainer.clip_gradients(clip, model)
            optim.step()
            collected.add(loss.detach(), outputs.detach(), labels)
    return collected.steps()


def evaluate(trainer: Any, model: Any, stretch: Iterable) -> Steps:
    """Return the steps of a model that is not trained, over a stretch of batches."""
    collected = _Collected(model)
    model.eval()
    with torch.no_grad():
        for batch in stretch:
            *inputs, labels = trainer.prepare_batch(batch)
            outputs = model(*inputs)
            collected.add(model.loss(outputs, labels), outputs, labels)
    return collected.steps()


def scores(trainer: Any, model: Any, loader: Iterable) -> np.ndarray:
    """Return the outputs of a model that is not trained, float32 of shape (examples, classes)."""
    model.eval()
    with torch.no_grad():
        outputs = [model(*trainer.prepare_batch(batch)[:-1]) for batch in loader]
    return torch.cat(outputs).float().cpu().numpy()


class _Collected:
    """The results of batches, left on the device until they are all there."""

    def __init__(self, model: Any):
        self.accuracy = counter(model)
        self.losses: list[torch.Tensor] = []
        self.correct: list[torch.Tensor] = []
        self.examples: list[int] = []

    def add(self, loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        self.losses.append(loss)
        if self.accuracy is None:
            self.examples.append(len(labels))
            return
        right = self.accuracy(outputs, labels, averaged=False)
        self.correct.append(right.sum())
        self.examples.append(right.numel())

    def steps(self) -> Steps:
        correct = None if self.accuracy is None else _numpy(self.correct).astype(np.int64)
        return Steps(_numpy(self.losses), correct, np.array(self.examples, dtype=np.int64))


def _numpy(values: list[torch.Tensor]) -> np.ndarray:
    """Fetch scalars from the device in one go, as an array of shape (len(values),)."""
    if not values:
        return np.zeros(0)
    stacked = torch.stack(values)
    # NumPy has no bfloat16.
    return (stacked.float() if stacked.dtype == torch.bfloat16 else stacked).cpu().numpy()
