"""Training recipes: an optimizer and its learning rates, the same in every framework.

Each framework's ``optimizers.py`` builds the native optimizer. The updates, for a weight w, its
gradient g and the learning rate r of the step:

- ``sgd``: v = momentum v + g; w = w - r v.
- ``adam``: m and s are running means of g and g**2 with decay rates 0.9 and 0.999, each divided
  by 1 - rate**step; w = w - r m / (sqrt(s) + 1e-8). D. P. Kingma and J. Ba, ICLR 2015.
- ``adamw``: w = (1 - r weight_decay) w before Adam's step. I. Loshchilov and F. Hutter, ICLR 2019.

Except in ``adamw``, ``weight_decay`` first adds weight_decay w to g. It applies only to weights of
two or more axes, not to biases or BatchNorm.
"""

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from hardmax.checks import Bounds
from hardmax.errors import ArgumentError
from hardmax.fields import check_options, option

if TYPE_CHECKING:
    import numpy as np

__all__ = ["BETAS", "EPSILON", "OPTIMIZERS", "SCHEDULES", "Recipe"]

#: The optimizers and their default learning rates.
OPTIMIZERS = {"sgd": 0.1, "adam": 0.001, "adamw": 0.001}

SCHEDULES = ("constant", "step", "cosine")

#: Adam's decay rates, and the constant added to its square root.
BETAS, EPSILON = (0.9, 0.999), 1e-8

#: The smallest and the largest positive float32.
FLOAT32 = (2.0**-149, (2 - 2.0**-23) * 2.0**127)


@dataclass(frozen=True)
class Recipe:
    """An optimizer and its learning rates. Raises ArgumentError for invalid values.

    ``lr`` None is replaced by the optimizer's default. ``schedule``: ``constant``; ``step``
    divides the rate by 10 after half of the epochs and again after three quarters; ``cosine``
    decreases it to 0 along half a cosine. During the first ``warmup`` epochs the rate increases
    linearly to ``lr``.
    """

    lr: float | None = option(
        None,
        "Learning rate.",
        unset=", ".join(f"{rate:g} for {name}" for name, rate in OPTIMIZERS.items()),
        bounds=Bounds(least=FLOAT32[0], most=FLOAT32[1]),
    )
    optimizer: str = option("sgd", "Optimizer.", choices=(*OPTIMIZERS,))
    momentum: float = option(0.0, "Momentum of sgd.", bounds=Bounds(least=0, below=1))
    weight_decay: float = option(
        0.0, "Weight decay coefficient.", bounds=Bounds(least=0, most=FLOAT32[1])
    )
    schedule: str = option("constant", "Learning rate schedule.", choices=SCHEDULES)
    warmup: float = option(
        0.0,
        "Epochs of linear learning rate warmup.",
        bounds=Bounds(least=0, most=FLOAT32[1]),
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.lr is None:
            object.__setattr__(self, "lr", OPTIMIZERS[self.optimizer])
        if self.momentum and self.optimizer != "sgd":
            raise ArgumentError(
                f"{self.optimizer} does not take momentum, got {self.momentum}; leave it out or "
                "use sgd"
            )

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        assert self.lr is not None
        return self.lr

    @property
    def smaller_rate(self) -> float:
        """A learning rate to try if this one diverges.

        The default of the optimizer if this one is larger than that; otherwise a tenth of this one.
        """
        default = OPTIMIZERS[self.optimizer]
        return default if self.rate > default else self.rate / 10

    @property
    def is_constant(self) -> bool:
        """Whether every step has the same learning rate."""
        return self.schedule == "constant" and not self.warmup

    def rates(self, batches: int, epochs: int) -> "np.ndarray":
        """Return each step's learning rate, float32 of shape (batches * epochs,).

        The cosine is that of I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, without restarts,
        over the steps after the warm-up.
        """
        import numpy as np

        steps = np.arange(batches * epochs)
        warmup = min(ceil(self.warmup * batches), len(steps))
        factors = np.ones(len(steps))
        if self.schedule == "step":
            factors[len(steps) // 2 :] /= 10
            factors[len(steps) * 3 // 4 :] /= 10
        elif self.schedule == "cosine":
            progress = (steps - warmup) / max(len(steps) - warmup, 1)
            factors = (1 + np.cos(np.pi * progress)) / 2
        factors[:warmup] = (steps[:warmup] + 1) / max(warmup, 1)
        return (self.rate * factors).astype(np.float32)
