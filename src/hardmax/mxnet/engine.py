"""MXNet's own fastest way through a stretch of batches: queued as fast as Python can."""

from collections.abc import Iterable
from typing import Any

import numpy as onp
from mxnet import autograd, np

from hardmax.roads import counter
from hardmax.totals import Collected, Steps

__all__ = ["evaluate", "fetch", "scores", "train"]


def train(trainer: Any, stretch: Iterable) -> Steps:
    """Take a step of ``trainer.optim`` on every batch of a stretch; return the steps.

    The model's own ``loss`` and ``accuracy`` are called. MXNet works on what is queued; the host
    waits for it once, at the end.
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
    return collected.steps()


def evaluate(trainer: Any, model: Any, stretch: Iterable) -> Steps:
    """Return the steps of a model that is not trained, over a stretch of batches."""
    collected = Collected(counter(model), fetch)
    for batch in stretch:
        *inputs, labels = trainer.prepare_batch(batch)
        outputs = model(*inputs)
        collected.add(model.loss(outputs, labels), outputs, labels)
    return collected.steps()


def scores(trainer: Any, model: Any, loader: Iterable) -> onp.ndarray:
    """Return the outputs of a model that is not trained, float32 of shape (examples, classes)."""
    # Fetched one by one: a network with static memory writes the next into the same place.
    outputs = [model(*trainer.prepare_batch(batch)[:-1]).asnumpy() for batch in loader]
    return onp.concatenate(outputs).astype(onp.float32)


def fetch(values: list[np.ndarray]) -> onp.ndarray:
    """Fetch scalars from the device in one go, as an array of shape (len(values),)."""
    return np.stack(values).asnumpy() if values else onp.zeros(0)
