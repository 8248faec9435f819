"""Protocols shared by the parts of training."""

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["Trainer"]


class Trainer(Protocol):
    """The trainer, as callbacks see it.

    ``epoch`` starts at 0; ``train_batch_idx`` counts the batches since the start of the fit. A
    callback stops the fit by setting ``should_stop``.
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
        """Set the model's weights, named as ``get_weights`` returns them."""
