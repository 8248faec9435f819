"""MXNet's own fastest way through a stretch of batches: queued as fast as Python can."""

from collections.abc import Iterable
from typing import Any

import numpy as onp
from mxnet import autograd, np

from hardmax.evaluation.totals import Collected, Steps
from hardmax.training.dispatch import counter

__all__ = ["evaluate", "fetch", "scores", "train"]

#: How many batches may be queued.
AHEAD = 64


def train(trainer: Any, stretch: Iterable) -> Steps:
    """Take a step of ``trainer.optim`` on every batch of a stretch; return the steps.

    The model's own ``loss`` and ``accuracy`` are called. MXNet works on what is queued; the host
    waits for all of it once, at the end.
    """
    model, optim = trainer.model, trainer.optim
    clip = trainer.gradient_clip_val
    collected = Collected(counter(model), fetch)
    for batch in stretch:
        *inputs, labels = trainer.prepare_batch(batch)
        with autograd.record():
            outputs = model(*inputs)
            loss = model.loss(outputs, labels)
        loss.backward()
        if clip > 0:
            trainer.clip_gradients(clip, model)
        optim.step(1)
        collected.add(loss.detach(), outputs, labels)
        _keep_pace(collected.losses)
    return collected.steps()


def evaluate(trainer: Any, model: Any, stretch: Iterable) -> Steps:
    """Return the steps of a model that is not trained, over a stretch of batches."""
    collected = Collected(counter(model), fetch)
    for batch in stretch:
        *inputs, labels = trainer.prepare_batch(batch)
        outputs = model(*inputs)
        collected.add(model.loss(outputs, labels), outputs, labels)
        _keep_pace(collected.losses)
    return collected.steps()


def _keep_pace(losses: list[np.ndarray]) -> None:
    """Wait where more batches are queued than AHEAD, because each of them takes memory."""
    if len(losses) >= AHEAD and len(losses) % (AHEAD // 2) == 0:
        losses[-AHEAD // 2].wait_to_read()


def scores(trainer: Any, model: Any, loader: Iterable) -> onp.ndarray:
    """Return the outputs of a model that is not trained, float32 of shape (examples, classes)."""
    # Fetched one by one: a network with static memory writes the next into the same place.
    outputs = [model(*trainer.prepare_batch(batch)[:-1]).asnumpy() for batch in loader]
    return onp.concatenate(outputs).astype(onp.float32)


def fetch(values: list[np.ndarray]) -> onp.ndarray:
    """Fetch scalars from the device in one go, as an array of shape (len(values),)."""
    return np.stack(values).asnumpy() if values else onp.zeros(0)
