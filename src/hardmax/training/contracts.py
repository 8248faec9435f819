"""What the parts of a training know of each other."""

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["Trainer"]


class Trainer(Protocol):
    """The trainer of a fit, as its callbacks know it.

    ``epoch`` counts from 0, ``train_batch_idx`` the batches since the fit began. A callback ends
    the fit by setting ``should_stop``.
    """

    framework: str
    model: Any
    epoch: int
    train_batch_idx: int
    num_train_batches: int
    should_stop: bool
    history: Sequence[dict[str, Any]]

    def get_weights(self, model: Any) -> dict[str, Any]:
        """Return copies of the model's weights as named NumPy arrays."""

    def set_weights(self, model: Any, weights: dict[str, Any]) -> None:
        """Give the model such weights."""
