"""A network in one framework, ready to train or to compute scores."""

from functools import cached_property
from math import prod
from types import ModuleType
from typing import Protocol

import numpy as np

from hardmax.data.datasets import Examples, Vectors
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape, walk
from hardmax.training.contracts import DataModule
from hardmax.training.precision import FLOAT32
from hardmax.training.recipes import Recipe

__all__ = ["Scorer", "Session", "largest_batch"]

#: The most elements in the output of a layer, of which a few are in memory at a time: 128 MiB.
LARGEST_OUTPUT = 2**25


class Scorer(Protocol):
    """What computes the scores of a network."""

    @property
    def largest_batch(self) -> int:
        """The most examples in a batch whose scores are computed, at least 1."""

    def scores(self, examples: Examples, batch_size: int) -> np.ndarray:
        """Return scores of examples, float32 of shape (examples, classes).

        The batches have ``batch_size`` examples, or as many as ``largest_batch`` allows.
        """


class Session:
    """A ``model`` with the given weights and a ``trainer``, in the framework of ``backend``.

    ``precision`` is that of the training steps, float32 or bfloat16; ``settings`` are further
    arguments of the backend's Trainer.
    """

    def __init__(
        self,
        backend: ModuleType,
        network: Network,
        shape: Shape,
        weights: dict[str, np.ndarray],
        recipe: Recipe = Recipe(),  # noqa: B008 (it is frozen)
        max_epochs: int = 1,
        precision: str = FLOAT32,
        **settings: object,
    ):
        self.backend = backend
        self.network = network
        self.model = backend.models.NetworkClassifier(network, shape, recipe, precision)
        self.model.board.display = False
        self.trainer = backend.Trainer(max_epochs, **settings)
        self.trainer.keeps_compiled = True
        self.trainer.set_weights(self.model, weights)

    def data(
        self,
        train: Examples | None,
        val: Examples | None,
        batch_size: int,
        **options: object,
    ) -> DataModule[object]:
        """Return the examples as a data module of the framework.

        ``options`` are further arguments of ``LabeledData``.
        """
        vectors = isinstance(val if train is None else train, Vectors)
        cls = self.backend.data.VectorData if vectors else self.backend.data.ImageData
        data: DataModule[object] = cls(train, val, batch_size, **options)
        return data

    def fit(
        self, train: Examples, val: Examples | None, batch_size: int, **options: object
    ) -> None:
        """Train the model on ``train``, and evaluate each epoch on ``val``; see ``data``."""
        data = self.data(train, val, batch_size, **options)
        self.trainer.fit(self.model, data)

    def scores(self, examples: Examples, batch_size: int) -> np.ndarray:
        """Return the model's scores of examples, float32 of shape (examples, classes).

        The batches have ``batch_size`` examples, or as many as LARGEST_OUTPUT allows.
        """
        loader = self.data(None, examples, min(batch_size, self.largest_batch)).val_dataloader()
        scores: np.ndarray = self.trainer.scores(self.model, loader)
        return scores

    @cached_property
    def largest_batch(self) -> int:
        """The most examples in a batch whose scores are computed, at least 1."""
        return largest_batch(self.network, self.model.example_shape)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the model's weights, keyed by portable name."""
        weights: dict[str, np.ndarray] = self.trainer.get_weights(self.model)
        return weights


def largest_batch(network: Network, shape: Shape) -> int:
    """Return the most examples of ``shape`` whose scores are computed together, at least 1."""
    largest_output = max(prod(place.outputs) for place in walk(network, shape))
    return max(LARGEST_OUTPUT // largest_output, 1)
