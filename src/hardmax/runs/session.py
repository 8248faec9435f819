"""A network in a framework, with all that it takes to train it or to have its scores."""

from types import ModuleType
from typing import Any

import numpy as np

from hardmax.data.datasets import Examples, Vectors
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape
from hardmax.training.recipes import Recipe

__all__ = ["Equipment"]


class Equipment:
    """A network in the framework of ``sibling``: a ``model`` with such weights, and a ``trainer``.

    ``settings`` are further arguments of the sibling's Trainer.
    """

    def __init__(
        self,
        sibling: ModuleType,
        network: Network,
        shape: Shape,
        weights: dict[str, np.ndarray],
        recipe: Recipe = Recipe(),  # noqa: B008 (it is frozen)
        max_epochs: int = 1,
        **settings: Any,
    ):
        self.sibling = sibling
        self.model = sibling.models.NetworkClassifier(network, shape, recipe)
        self.model.board.display = False
        self.trainer = sibling.Trainer(max_epochs, **settings)
        self.trainer.set_weights(self.model, weights)

    def data(
        self,
        train: Examples | None,
        val: Examples | None,
        batch_size: int,
        balanced: bool = False,
    ) -> Any:
        """Return examples as the framework's labelled data."""
        vectors = isinstance(val if train is None else train, Vectors)
        kind = self.sibling.data.VectorData if vectors else self.sibling.data.PictureData
        return kind(train, val, batch_size, balanced)

    def fit(self, *data: Any) -> None:
        """Train the model; the arguments are those of ``data``."""
        self.trainer.fit(self.model, self.data(*data))

    def scores(self, examples: Examples, batch_size: int) -> np.ndarray:
        """Return the model's scores of examples, float32 of shape (examples, classes)."""
        loader = self.data(None, examples, batch_size).val_dataloader()
        return self.trainer.scores(self.model, loader)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the model's weights by their portable names."""
        return self.trainer.get_weights(self.model)
