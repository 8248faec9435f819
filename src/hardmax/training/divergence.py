"""Telling that a training diverges."""

import math

from hardmax.errors import DivergenceError

__all__ = ["GROWTH", "check_loss"]

#: The growth of the loss that is a divergence. float32 has 24 bits: once the scores have grown with
#: the loss this much, their rounding errors alone are as large as the loss was at the start.
GROWTH = 2.0**24


def check_loss(loss: float, first: float, epoch: int, lr: object = None) -> None:
    """Raise DivergenceError if a mean training loss shows that the training diverges.

    It is NaN, infinite, or more than GROWTH times ``first``, the loss of the first batch before any
    step; of a ``first`` below 1, more than GROWTH. ``lr`` is the learning rate if it is known.
    """
    if not math.isfinite(first):
        raise DivergenceError(
            f"the training loss became {first} in epoch {epoch}, before the first step; look for "
            "NaN, infinite or very large values in the inputs and the initial weights"
        )
    if math.isfinite(loss) and loss <= GROWTH * max(first, 1.0):
        return
    start = f" ({first:.3g} at the start)" if math.isfinite(loss) else ""
    than = f" than {lr:g}, such as {lr / 10:g}" if isinstance(lr, int | float) else ""
    raise DivergenceError(
        f"the training loss became {loss:.3g} in epoch {epoch}{start}; try a smaller learning "
        f"rate{than}, or gradient_clip_val=1"
    )
