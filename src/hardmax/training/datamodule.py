"""What every framework's DataModule has in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hardmax.data.datasets import Examples, Pictures
from hardmax.data.images.fashion_mnist import load_fashion_mnist, text_labels
from hardmax.data.mapped import stays_in_file
from hardmax.hyperparameters import HyperParameters
from hardmax.plotting.pyplot import on_host, show_images
from hardmax.training.streaming import StreamedLoader

__all__ = ["DataModule", "FashionMNIST", "LabelledData", "SyntheticRegressionData"]


class DataModule(HyperParameters):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    root: str
    batch_size: int

    def get_dataloader(self, train: bool) -> Any:
        """Return the batches of the training part, or of the validation part."""
        raise NotImplementedError(f"{type(self).__name__} must define get_dataloader(train)")

    def get_tensorloader(
        self, tensors: Sequence[Any], train: bool, indices: Any = slice(0, None)
    ) -> Any:
        """Return batches of the examples ``indices`` of arrays, shuffled for training.

        The arrays have the same number of examples, along their first axis.
        """
        raise NotImplementedError

    def train_dataloader(self) -> Any:
        """Return the training batches."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Any:
        """Return the validation batches."""
        return self.get_dataloader(train=False)


class SyntheticRegressionData(DataModule):
    """Synthetic data of a linear model: y = Xw + b + noise, X and noise normal.

    ``X``: float32 of shape (num_train + num_val, len(w)); ``y``: (num_train + num_val, 1).
    """

    X: Any
    y: Any
    num_train: int

    def __init__(
        self,
        w: Any,
        b: float,
        noise: float = 0.01,
        num_train: int = 1000,
        num_val: int = 1000,
        batch_size: int = 32,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.X, self.y = self.synthesize(num_train + num_val)

    def synthesize(self, count: int) -> tuple[Any, Any]:
        """Return X and y of so many examples."""
        raise NotImplementedError

    def get_dataloader(self, train: bool) -> Any:
        """Return batches of (X, y) of the first ``num_train`` examples, or of the rest."""
        rows = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader((self.X, self.y), train, rows)


class LabelledData(DataModule):
    """Labelled examples; ``train`` and ``val`` are its parts, None where there is none.

    A sibling says how it holds examples, and how it makes batches of what it holds. Pictures that
    are too many for memory stay in their file, and are held a batch at a time. With ``balanced``
    an epoch of the training has equally many examples of each class.
    """

    def __init__(
        self,
        train: Examples | None,
        val: Examples | None,
        batch_size: int = 64,
        balanced: bool = False,
    ):
        super().__init__()
        self.batch_size = batch_size
        self.balanced_by = train.labels if balanced and train is not None else None
        self.train, self.val = (
            part if part is None or stays_in_file(part.inputs) else self.hold(part)
            for part in (train, val)
        )

    def get_dataloader(self, train: bool) -> Any:
        """Return batches of (inputs, labels); None where there is no such part."""
        part = self.train if train else self.val
        if part is None:
            return None
        if isinstance(part, Pictures):
            loader = StreamedLoader(part, self.batch_size, train, self.one_batch)
        else:
            loader = self.loader(part, shuffle=train)
        loader.balanced_by = self.balanced_by
        return loader

    def one_batch(self, examples: Examples) -> Any:
        """Return a loader of some examples, no more than a batch."""
        return self.loader(self.hold(examples), shuffle=False)

    def hold(self, examples: Any) -> Any:
        """Return a part as the framework's data sets are."""
        raise NotImplementedError

    def loader(self, part: Any, shuffle: bool) -> Any:
        """Return batches of a part that is held."""
        raise NotImplementedError


def pair(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs, as they are, and the labels, int32 (n,)."""
    return examples.inputs, examples.labels.astype(np.int32)


def grey_pair(pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """Return grey pictures, uint8 (n, height, width), and labels, int32 (n,), as Keras has them."""
    images, labels = pair(pictures)
    return images.squeeze(axis=3), labels


def with_channels(images: np.ndarray) -> np.ndarray:
    """Return pictures with an axis of channels behind them, where they had none."""
    return images[..., np.newaxis] if images.ndim == 3 else images


class FashionMNIST(LabelledData):
    """Fashion-MNIST, its test set as the validation part, at the size ``resize``.

    ``hardmax.data.images.fashion_mnist`` says where it is looked for and what is raised.
    """

    def __init__(
        self, batch_size: int = 64, resize: tuple[int, int] = (28, 28), root: str = "../data"
    ):
        dataset = load_fashion_mnist(root, resize)
        super().__init__(dataset.train, dataset.test, batch_size)
        self.save_hyperparameters()

    def text_labels(self, indices: Any) -> list[str]:
        """Return the names of the classes of the given numbers."""
        return text_labels(indices)

    def visualize(
        self, batch: Any, nrows: int = 1, ncols: int = 8, labels: Sequence[str] = ()
    ) -> None:
        """Show the pictures of a batch (pictures, labels) in a grid, with their names."""
        X, y = batch
        show_images(
            [np.squeeze(on_host(x)) for x in X], nrows, ncols, labels or self.text_labels(y)
        )
