"""How a network is trained: the optimizer and its learning rates, the same in every framework.

Each framework's ``optimizers.py`` makes the native optimizer. What they compute, of a weight w, its
gradient g and the learning rate r of the step:

- ``sgd``: v = momentum v + g; w = w - r v.
- ``adam``: m and s are running means of g and of its square, with the factors 0.9 and 0.999, both
  divided by 1 - factor**step; w = w - r m / (sqrt(s) + 1e-8). D. P. Kingma and J. Ba, ICLR 2015.
- ``adamw``: w = (1 - r weight_decay) w before Adam's step. I. Loshchilov and F. Hutter, ICLR 2019.

``weight_decay`` adds its multiple of w to g first, but in ``adamw``. It is for weights of two or
more axes: biases and BatchNorm are left alone.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hardmax.errors import ArgumentError

__all__ = ["BETAS", "EPSILON", "OPTIMIZERS", "SCHEDULES", "Recipe"]

#: The optimizers, and the learning rate of each where none is given.
OPTIMIZERS = {"sgd": 0.1, "adam": 0.001, "adamw": 0.001}

SCHEDULES = ("constant", "step", "cosine")

#: Adam's factors, and what is added to the root.
BETAS, EPSILON = (0.9, 0.999), 1e-8

#: The least and the largest positive number of float32.
FLOAT32 = (2.0**-149, float(np.finfo(np.float32).max))


@dataclass(frozen=True)
class Recipe:
    """An optimizer and its learning rates. Raises ArgumentError for values that make no sense.

    ``lr`` None is what suits the optimizer, and becomes that. ``schedule``: the rate stays
    ``constant``; falls to a tenth after half of the epochs and again after three quarters
    (``step``); or falls to 0 along half a ``cosine``. During the first ``warmup`` epochs it rises
    to that in equal steps.
    """

    lr: float | None = None
    optimizer: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("optimizer", (*OPTIMIZERS,)), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                raise ArgumentError(
                    f"unknown {name} {getattr(self, name)!r}; known are {', '.join(known)}"
                )
        if self.lr is None:
            object.__setattr__(self, "lr", OPTIMIZERS[self.optimizer])
        if not FLOAT32[0] <= self.rate <= FLOAT32[1]:
            raise ArgumentError(
                "learning rate must be a number above 0 that float32 can hold "
                f"({FLOAT32[0]:.1e} to {FLOAT32[1]:.1e}), got {self.lr}"
            )
        if not 0 <= self.momentum < 1:
            raise ArgumentError(f"momentum must be 0 to below 1, got {self.momentum}")
        if self.momentum and self.optimizer != "sgd":
            raise ArgumentError(f"{self.optimizer} takes no momentum; leave it out, or take sgd")
        if not 0 <= self.weight_decay <= FLOAT32[1]:
            raise ArgumentError(f"weight decay must be 0 or more, got {self.weight_decay}")
        if not 0 <= self.warmup <= FLOAT32[1]:
            raise ArgumentError(f"warm-up must be 0 or more epochs, got {self.warmup}")

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        assert self.lr is not None
        return self.lr

    @property
    def is_constant(self) -> bool:
        """Whether every step has the same learning rate."""
        return self.schedule == "constant" and not self.warmup

    def rates(self, batches: int, epochs: int) -> np.ndarray:
        """Return each step's learning rate, float32 of shape (batches * epochs,).

        The cosine is that of I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, without restarts,
        over the steps behind the warm-up.
        """
        steps = np.arange(batches * epochs)
        rising = min(ceil(self.warmup * batches), len(steps))
        factors = np.ones(len(steps))
        if self.schedule == "step":
            factors[len(steps) // 2 :] /= 10
            factors[len(steps) * 3 // 4 :] /= 10
        elif self.schedule == "cosine":
            at = (steps - rising) / max(len(steps) - rising, 1)
            factors = (1 + np.cos(np.pi * at)) / 2
        factors[:rising] = (steps[:rising] + 1) / max(rising, 1)
        return (self.rate * factors).astype(np.float32)
