"""Seeds of MXNet's random numbers during a fit, whose state cannot be saved."""

from typing import Any

import mxnet as mx
import numpy as onp

from hardmax.networks.layers import Dropout
from hardmax.networks.layouts import Portable
from hardmax.networks.shapes import walk

__all__ = ["STEP", "seed_batch"]

#: Seeding takes a millisecond, so it is done once in so many batches.
STEP = 64


def seed_batch(trainer: Any, batch: int) -> None:
    """Seed MXNet's random numbers by the trainer's seed and epoch, if that is due at a batch.

    ``batch`` counts from the start of the epoch. A network without Dropout needs none, nor does any
    other model whose fit is not to be resumed.
    """
    if trainer.seed is None or batch % STEP or not _is_random(trainer):
        return
    words = onp.random.SeedSequence([trainer.seed, trainer.epoch, batch]).generate_state(1)
    mx.random.seed(int(words[0]) % 2**31)


def _is_random(trainer: Any) -> bool:
    model: object = trainer.model
    if not isinstance(model, Portable):
        return trainer.resume is not None
    places = walk(model.network, model.example_shape)
    return any(isinstance(place.layer, Dropout) and place.layer.rate for place in places)
