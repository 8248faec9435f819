"""The fast path in MXNet: queues a chunk of batches as fast as Python can."""

from collections.abc import Iterable
from typing import Any

import numpy as onp
from mxnet import autograd, np

from hardmax.evaluation.totals import Collected, Steps
from hardmax.training.dispatch import counter

__all__ = ["evaluate", "fetch", "scores", "train"]

#: The largest number of queued batches.
MAX_QUEUED = 64


def train(trainer: Any, chunk: Iterable) -> Steps:
    """Take an optimizer step on every batch of a chunk, and return the steps.

    Calls the model's ``loss`` and ``accuracy``. MXNet works through its queue; the host waits for
    it once, at the end.
    """
    model, optim = trainer.model, trainer.optim
    clip = trainer.gradient_clip_val
    collected = Collected(counter(model), fetch)
    for batch in chunk:
        *inputs, labels = trainer.prepare_batch(batch)
        with autograd.record():
            outputs = model(*inputs)
            loss = model.loss(outputs, labels)
        loss.backward()
        if clip > 0:
            trainer.clip_gradients(clip, model)
        optim.step(1)
        collected.add(loss.detach(), outputs, labels)
        _limit_queue(collected.losses)
    return collected.steps()


def evaluate(trainer: Any, model: Any, chunk: Iterable) -> Steps:
    """Evaluate a model on a chunk of batches, and return the steps."""
    collected = Collected(counter(model), fetch)
    for batch in chunk:
        *inputs, labels = trainer.prepare_batch(batch)
        outputs = model(*inputs)
        collected.add(model.loss(outputs, labels), outputs, labels)
        _limit_queue(collected.losses)
    return collected.steps()


def _limit_queue(losses: list[np.ndarray]) -> None:
    """Wait if more than MAX_QUEUED batches are queued, because each takes memory."""
    if len(losses) >= MAX_QUEUED and len(losses) % (MAX_QUEUED // 2) == 0:
        losses[-MAX_QUEUED // 2].wait_to_read()


def scores(trainer: Any, model: Any, loader: Iterable) -> onp.ndarray:
    """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""
    # Fetched one by one: a network with static memory overwrites its previous outputs.
    outputs = [model(*trainer.prepare_batch(batch)[:-1]).asnumpy() for batch in loader]
    return onp.concatenate(outputs).astype(onp.float32)


def fetch(values: list[np.ndarray]) -> onp.ndarray:
    """Fetch scalars from the device in one transfer, as an array of shape (len(values),)."""
    return np.stack(values).asnumpy() if values else onp.zeros(0)
