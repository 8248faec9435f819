"""Data modules of a user's own data, as ``load_data`` returns them."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic

import numpy as np

from hardmax.checks import listed
from hardmax.data.datasets import Dataset, Examples
from hardmax.data.options import Reading
from hardmax.errors import ArgumentError
from hardmax.networks.layouts import Portable
from hardmax.plotting.pyplot import on_host, show_counts, show_images
from hardmax.training.contracts import Batches
from hardmax.training.datamodule import LabeledData, Part, Tensor
from hardmax.training.weights import weighted_labels

__all__ = ["OwnData", "OwnImages", "OwnRows", "check_weights"]


class OwnData(LabeledData[Tensor, Part], Generic[Tensor, Part]):
    """Labeled examples of the user, in a training, a validation and a test set.

    ``train``, ``validation`` (None without one) and ``test`` are these sets in the framework's
    format; ``classes`` are the names of the classes, ``shape`` is that of an example: (height,
    width, channels), or (features,). ``dataset`` has the examples as NumPy arrays. ``source`` is
    the name or the path of the data; ``options`` are those that it was read with, and ``reading``
    is what they stand for.
    """

    dataset: Dataset

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        source: str,
        options: Mapping[str, object],
        reading: Reading,
    ):
        super().__init__(dataset.train, dataset.validation or dataset.test, batch_size)
        self.dataset, self.source, self.options, self.reading = dataset, source, options, reading
        is_split = dataset.validation is not None
        self.validation = self.val if is_split else None
        self.test = self._stored(dataset.test) if is_split else self.val

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.dataset.classes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example: (height, width, channels) of images, (features,) of rows."""
        return self.dataset.shape

    def test_dataloader(self) -> Batches[Tensor]:
        """Return the test batches."""
        assert self.test is not None
        return self.batches(self.test, weighted_labels(self.dataset.test, None))

    def text_labels(self, indices: Any) -> list[str]:
        """Return the names of the classes with the given indices."""
        return [self.classes[index] for index in on_host(indices).tolist()]

    def visualize(self, *arguments: Any, **options: Any) -> None:
        """Show the data with pyplot."""
        raise NotImplementedError

    @property
    def _sets(self) -> dict[str, Examples]:
        """The sets, by name."""
        sets = {
            "training": self.dataset.train,
            "validation": self.dataset.validation,
            "test": self.dataset.test,
        }
        return {name: examples for name, examples in sets.items() if examples is not None}

    def __repr__(self) -> str:
        """Return the file, the sizes of the sets, the shape of an example and the classes."""
        counts = ", ".join(f"{len(examples)} {name}" for name, examples in self._sets.items())
        _, plural = self.dataset.train.words
        classes = f"{len(self.classes)} classes ({listed(self.classes)})"
        return f"{self.source}: {counts} {plural} of {self._described_shape()}, {classes}"

    def _described_shape(self) -> str:
        """Return the shape of an example in words."""
        return f"{self.shape[0]} features"


class OwnImages(OwnData[Tensor, Part], Generic[Tensor, Part]):
    """Labeled images of the user; see ``OwnData``."""

    def visualize(
        self,
        batch: Sequence[Tensor] | None = None,
        nrows: int = 1,
        ncols: int = 8,
        labels: Sequence[str] = (),
    ) -> None:
        """Show the images of a batch (images, labels) in a grid, titled with their classes.

        Without a batch, these are images of the training set, evenly spaced in it.
        """
        if batch is None:
            train = self.dataset.train
            count = min(nrows * ncols, len(train))
            some = train.take(np.arange(count) * len(train) // count)
            X, y = some.inputs, some.labels
        else:
            X, y = map(on_host, batch)
            if X.shape[1:] != self.shape:  # channels first
                X = np.moveaxis(X, 1, -1)
        images = [image.squeeze(axis=2) if image.shape[2] == 1 else image for image in X]
        for axes in show_images(images, nrows, ncols, labels or self.text_labels(y)):
            for image in axes.images:
                image.set_cmap("gray")  # which images in color do not use

    def _described_shape(self) -> str:
        height, width, channels = self.shape
        return f"{height} x {width} pixels in {'color' if channels == 3 else 'grayscale'}"


class OwnRows(OwnData[Tensor, Part], Generic[Tensor, Part]):
    """Labeled rows of a table of the user; see ``OwnData``."""

    def visualize(self) -> None:
        """Show how many rows of each class the sets have, as bars."""
        count = len(self.classes)
        show_counts(
            self.classes,
            {name: np.bincount(part.labels, minlength=count) for name, part in self._sets.items()},
        )


def check_weights(model: object, data: object) -> None:
    """Raise ArgumentError for rows with weights that a model would not know what to do with."""
    if isinstance(model, Portable) or not isinstance(data, OwnData):
        return
    if data.dataset.train.weights is not None:
        raise ArgumentError(
            f"the rows of {data.source} have weights, which only a model of auto(data) uses; use "
            "auto(data, model=NAME), or read the data without weight"
        )
