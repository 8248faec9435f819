"""Training recipes: an optimizer and its learning rates, the same in every framework.

Each framework's ``optimizers.py`` builds the native optimizer. The updates, for a weight w, its
gradient g and the learning rate r of the step:

- ``sgd``: v = momentum v + g; w = w - r v.
- ``adam``: m and s are running means of g and g**2 with decay rates 0.9 and 0.999, each divided
  by 1 - rate**step; w = w - r m / (sqrt(s) + 1e-8). D. P. Kingma and J. Ba, ICLR 2015.
- ``adamw``: w = (1 - r weight_decay) w before Adam's step. I. Loshchilov and F. Hutter, ICLR 2019.
- ``adamw-ntk``: as ``adamw``, with decay rates 0.9 and 0.95, a learning rate r f in Adam's step,
  and a weight decay that falls to 0 during the second half of the steps, by
  ``schedules.flat_cosine``. The factor f depends on the weight, as ``updates.factors`` says.
  D. Holzmueller, L. Grinsztajn and I. Steinwart, "Better by default", NeurIPS 2024.

In ``sgd`` and ``adam``, ``weight_decay`` first adds weight_decay w to g. It applies only to the
weights of Linear and Conv layers, not to biases.
"""

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from hardmax.checks import Bounds
from hardmax.errors import ArgumentError
from hardmax.fields import check_options, fill, model_option, option

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EPSILON", "OPTIMIZERS", "SCHEDULES", "Recipe"]

#: The optimizers and their default learning rates.
OPTIMIZERS = {"sgd": 0.1, "adam": 0.001, "adamw": 0.001, "adamw-ntk": 0.04}

SCHEDULES = ("constant", "step", "cosine", "coslog4", "one-cycle")

#: The constant added to Adam's square root.
EPSILON = 1e-8

#: The smallest and the largest positive float32.
FLOAT32 = (2.0**-149, (2 - 2.0**-23) * 2.0**127)


@dataclass(frozen=True)
class Recipe:
    """An optimizer and its learning rates. Raises ArgumentError for invalid values.

    ``lr`` None is replaced by the optimizer's default. ``schedule``: ``constant``; ``step``
    divides the rate by 10 after half of the epochs and again after three quarters; ``cosine``
    decreases it to 0 along half a cosine; ``coslog4`` has four cycles, by ``schedules.coslog``;
    ``one-cycle`` rises from 0 before it decreases, by ``schedules.one_cycle``.
    During the first ``warmup`` epochs the rate increases linearly to ``lr``. ``label_smoothing`` is
    the share of each label that the training loss gives to all classes alike.
    """

    lr: float | None = option(
        None,
        "Learning rate.",
        unset=", ".join(f"{rate:g} for {name}" for name, rate in OPTIMIZERS.items())
        + ", unless the model has another",
        bounds=Bounds(least=FLOAT32[0], most=FLOAT32[1]),
    )
    optimizer: str = model_option(
        "sgd",
        "Optimizer; adamw-ntk is adamw with a learning rate for each kind of weight.",
        choices=(*OPTIMIZERS,),
    )
    momentum: float = model_option(0.0, "Momentum of sgd.", bounds=Bounds(least=0, below=1))
    weight_decay: float = model_option(
        0.0, "Weight decay coefficient.", bounds=Bounds(least=0, most=FLOAT32[1])
    )
    schedule: str = model_option(
        "constant",
        "Learning rate schedule; coslog4 has four cycles, each twice as long as the last; "
        "one-cycle rises during the first quarter of the steps, then falls to 0.",
        choices=SCHEDULES,
    )
    warmup: float = option(
        0.0,
        "Epochs of linear learning rate warmup.",
        bounds=Bounds(least=0, most=FLOAT32[1]),
    )
    label_smoothing: float = model_option(
        0.0,
        "Share of each label that the training loss spreads over all classes.",
        bounds=Bounds(least=0, below=1),
    )

    def __post_init__(self) -> None:
        fill(self, {})
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
        """Whether every step has the same learning rate and the same weight decay."""
        is_flat = self.optimizer != "adamw-ntk" or not self.weight_decay
        return self.schedule == "constant" and not self.warmup and is_flat

    @property
    def betas(self) -> tuple[float, float]:
        """The decay rates of Adam's running means."""
        return (0.9, 0.95) if self.optimizer == "adamw-ntk" else (0.9, 0.999)

    @property
    def is_decoupled(self) -> bool:
        """Whether weight decay is not part of the gradients."""
        return self.optimizer.startswith("adamw")

    def rates(self, batches: int, epochs: int) -> "np.ndarray":
        """Return each step's learning rate, float32 of shape (batches * epochs,).

        The cosine is that of I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, without restarts,
        over the steps after the warm-up.
        """
        import numpy as np

        from hardmax.training.schedules import coslog, half_cosine, one_cycle, step_progress

        steps = np.arange(batches * epochs)
        warmup = min(ceil(self.warmup * batches), len(steps))
        factors = np.ones(len(steps))
        if self.schedule == "step":
            factors[len(steps) // 2 :] /= 10
            factors[len(steps) * 3 // 4 :] /= 10
        elif self.schedule == "cosine":
            progress = (steps - warmup) / max(len(steps) - warmup, 1)
            factors = half_cosine(progress)
        elif self.schedule == "coslog4":
            factors[warmup:] = coslog(step_progress(len(steps) - warmup), cycles=4)
        elif self.schedule == "one-cycle":
            factors[warmup:] = one_cycle(step_progress(len(steps) - warmup))
        factors[:warmup] = (steps[:warmup] + 1) / max(warmup, 1)
        return (self.rate * factors).astype(np.float32)

    def decays(self, batches: int, epochs: int) -> "np.ndarray":
        """Return the share of a weight that each step of ``adamw`` and ``adamw-ntk`` takes away.

        float32 of shape (batches * epochs,).
        """
        from hardmax.training.schedules import flat_cosine, step_progress

        rates = self.rates(batches, epochs)
        shares = rates.astype(float) * self.weight_decay
        if self.optimizer == "adamw-ntk":
            shares *= flat_cosine(step_progress(len(rates)))
        return shares.astype(rates.dtype)
