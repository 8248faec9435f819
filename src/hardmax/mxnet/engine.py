"""The fast path in MXNet: queues a chunk of batches as fast as Python can."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as onp
from mxnet import autograd, gluon, np, npx

from hardmax.evaluation.totals import Collected, Steps
from hardmax.mxnet.module import Module
from hardmax.mxnet.seeds import seed_batch
from hardmax.training.dispatch import counter

__all__ = ["Optimizer", "Trainer", "evaluate", "feature_gradients", "fetch", "scores", "train"]

#: The largest number of queued batches.
MAX_QUEUED = 64


class Optimizer(Protocol):
    """Gluon's trainers, and the book's optimizer."""

    def step(self, batch_size: int, /) -> object:
        """Update the weights; the gradients are divided by ``batch_size``."""


class Trainer(Protocol):
    """The trainer, as the engine sees it."""

    model: Module
    optim: Optimizer
    gradient_clip_val: float
    batches_done: int

    def prepare_batch(self, batch: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Return a batch's arrays on the run's device."""

    def clip_gradients(self, grad_clip_val: float, model: gluon.Block) -> None:
        """Scale all gradients of a model so that their global norm is at most ``grad_clip_val``."""


def train(trainer: Trainer, chunk: Iterable[Sequence[np.ndarray]]) -> Steps:
    """Take an optimizer step on every batch of a chunk, and return the steps.

    Calls the model's ``loss`` and ``accuracy``. MXNet works through its queue; the host waits for
    it once, at the end.
    """
    model, optim = trainer.model, trainer.optim
    clip = trainer.gradient_clip_val
    collected = Collected(counter(model), fetch)
    for number, batch in enumerate(chunk, trainer.batches_done):
        seed_batch(trainer, number)
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


def evaluate(trainer: Trainer, model: Module, chunk: Iterable[Sequence[np.ndarray]]) -> Steps:
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


def scores(trainer: Trainer, model: Module, loader: Iterable[Sequence[np.ndarray]]) -> onp.ndarray:
    """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""
    # Fetched one by one: a network with static memory overwrites its previous outputs.
    outputs = [model(*trainer.prepare_batch(batch)[:-1]).asnumpy() for batch in loader]
    return onp.concatenate(outputs).astype(onp.float32)


def feature_gradients(
    trainer: Trainer, body: Module, head: Module, batch: Sequence[np.ndarray]
) -> tuple[onp.ndarray, onp.ndarray]:
    """Return the feature maps of a batch of images, and the gradients of scores by them.

    ``body`` computes the feature maps, ``head`` scores from them, both in evaluation mode; the
    score of each image is that of its label. Both arrays are float32 (examples, rows, columns,
    channels).
    """
    *inputs, labels = trainer.prepare_batch(batch)
    found = body(*inputs)
    found.attach_grad()
    with autograd.record(train_mode=False):
        total = npx.pick(head(found), labels).sum()
    total.backward(train_mode=False)
    features, gradients = (
        one.asnumpy().transpose(0, 2, 3, 1).astype(onp.float32) for one in (found, found.grad)
    )
    return features, gradients


def fetch(values: list[np.ndarray]) -> onp.ndarray:
    """Fetch scalars from the device in one transfer, as an array of shape (len(values),)."""
    return np.stack(values).asnumpy() if values else onp.zeros(0)
