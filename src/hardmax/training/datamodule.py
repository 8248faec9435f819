"""The framework-independent parts of DataModule."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from hardmax.data.datasets import Examples, Images
from hardmax.data.images.augmentation import Augmentation
from hardmax.data.images.fashion_mnist import load_fashion_mnist, text_labels
from hardmax.data.mapped import stays_in_file
from hardmax.hyperparameters import Described
from hardmax.plotting.pyplot import on_host, show_images
from hardmax.training.contracts import Batches
from hardmax.training.loaders import Loader, Sliced, TensorLoader
from hardmax.training.streaming import StreamedLoader
from hardmax.training.weights import weighted_labels

__all__ = ["DataModule", "FashionMNIST", "LabeledData", "SyntheticRegressionData"]

Tensor = TypeVar("Tensor", bound=Sliced)
#: A set of examples in a framework's format.
Part = TypeVar("Part")


class DataModule(Described, Generic[Tensor]):
    """Training and validation batches; a subclass defines ``get_dataloader``."""

    root: str
    batch_size: int

    def get_dataloader(self, train: bool) -> Any:
        """Return the batches of the training set, or of the validation set."""
        raise NotImplementedError(f"{type(self).__name__} must define get_dataloader(train)")

    def get_tensorloader(
        self,
        tensors: Sequence[Tensor],
        train: bool,
        indices: slice | Sequence[int] | Tensor = slice(0, None),
    ) -> Batches[Tensor]:
        """Return batches of the examples ``indices`` of arrays, shuffled for training.

        The arrays must have the same length along their first axis.
        """
        raise NotImplementedError

    def train_dataloader(self) -> Any:
        """Return the training batches."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Any:
        """Return the validation batches."""
        return self.get_dataloader(train=False)


class SyntheticRegressionData(DataModule[Tensor]):
    """Synthetic data for linear regression: y = Xw + b + noise, with normal X and noise.

    ``X``: float32 of shape (num_train + num_val, len(w)); ``y``: (num_train + num_val, 1).
    """

    X: Tensor
    y: Tensor
    num_train: int

    def __init__(
        self,
        w: Tensor,
        b: float,
        noise: float = 0.01,
        num_train: int = 1000,
        num_val: int = 1000,
        batch_size: int = 32,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.X, self.y = self.synthesize(num_train + num_val)

    def synthesize(self, count: int) -> tuple[Tensor, Tensor]:
        """Return X and y of ``count`` examples."""
        raise NotImplementedError

    def get_dataloader(self, train: bool) -> Batches[Tensor]:
        """Return batches (X, y) of the first ``num_train`` examples, or of the rest."""
        rows = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader((self.X, self.y), train, rows)


class LabeledData(DataModule[Tensor], Generic[Tensor, Part]):
    """Labeled examples: a training set ``train`` and a validation set ``val``, either may be None.

    A backend defines how examples are stored (``hold``) and batched (``loader``). Images that do
    not fit into memory stay in their file and are read one batch at a time. With ``balanced``, a
    training epoch contains equally many examples of each class. ``loss_weights``, float (n,), are
    the weights of the training examples' losses, by default those of the examples. ``augment`` are
    the names of augmentations of the training images; crops are cut from larger ones, if there are
    any.
    """

    def __init__(
        self,
        train: Examples | None,
        val: Examples | None,
        batch_size: int = 64,
        balanced: bool = False,
        loss_weights: np.ndarray | None = None,
        augment: tuple[str, ...] = (),
    ):
        super().__init__()
        self.save_hyperparameters(ignore=("train", "val", "loss_weights"))
        self.augmentation = None
        if augment and isinstance(train, Images):
            height, width = train.images.shape[1:3]
            if "crop" in augment:
                train = train.enlarged
            self.augmentation = Augmentation(augment, height, width, train.images.shape[1:3])
        self.weighted_labels = {
            True: weighted_labels(train, loss_weights, always="mixup" in augment),
            False: weighted_labels(val, None),
        }
        self.balanced_by = train.labels if balanced and train is not None else None
        self.train, self.val = self._stored(train), self._stored(val)

    def _stored(self, examples: Examples | None) -> Part | Images | None:
        if isinstance(examples, Images) and stays_in_file(examples.images):
            return examples
        return None if examples is None else self.hold(examples)

    def get_dataloader(self, train: bool) -> Batches[Tensor] | None:
        """Return batches (inputs, labels), or None if the set is missing."""
        part = self.train if train else self.val
        if part is None:
            return None
        loader = self.batches(part, self.weighted_labels[train], shuffle=train)
        loader.balanced_by = self.balanced_by
        loader.augmentation = self.augmentation if train else None
        return loader

    def batches(
        self, part: Part | Images, labels: np.ndarray | None, *, shuffle: bool = False
    ) -> Loader[Tensor, Any]:
        """Return batches of a set, which is in memory or in a file.

        ``labels`` are those with weights, as ``weights.weighted_labels`` returns them, or None.
        """
        if isinstance(part, Images):
            return StreamedLoader(part, self.batch_size, shuffle, self.one_batch, labels)
        loader = self.loader(part, shuffle)
        if labels is not None:
            loader.weigh(labels)
        return loader

    def one_batch(self, examples: Examples) -> TensorLoader[Tensor]:
        """Return a loader of the given examples, at most one batch."""
        return self.loader(self.hold(examples), shuffle=False)

    def hold(self, examples: Any) -> Part:
        """Return a set of examples in the framework's format."""
        raise NotImplementedError

    def loader(self, part: Part, shuffle: bool) -> TensorLoader[Tensor]:
        """Return batches of a set that ``hold`` returned."""
        raise NotImplementedError


def pair(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs, unchanged, and the labels, int32 (n,)."""
    return examples.inputs, examples.labels.astype(np.int32)


def grayscale_pair(examples: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return grayscale images, uint8 (n, height, width), and labels, int32 (n,), as in Keras."""
    images, labels = pair(examples)
    return images.squeeze(axis=3), labels


def with_channels(images: np.ndarray) -> np.ndarray:
    """Return images with a trailing channel axis, adding it if it is missing."""
    return images[..., np.newaxis] if images.ndim == 3 else images


class FashionMNIST(LabeledData[Tensor, Part]):
    """Fashion-MNIST resized to ``resize``, with its test set for validation.

    See ``hardmax.data.images.fashion_mnist`` for where it is searched and what is raised.
    """

    def __init__(
        self, batch_size: int = 64, resize: tuple[int, int] = (28, 28), root: str = "../data"
    ):
        dataset = load_fashion_mnist(root, resize)
        super().__init__(dataset.train, dataset.test, batch_size)
        self.save_hyperparameters()

    def text_labels(self, indices: object) -> list[str]:
        """Return the names of the classes with the given indices."""
        return text_labels(indices)

    def visualize(
        self, batch: Sequence[Tensor], nrows: int = 1, ncols: int = 8, labels: Sequence[str] = ()
    ) -> None:
        """Show the images of a batch (images, labels) in a grid, titled with their classes."""
        X, y = batch
        show_images(
            [np.squeeze(x) for x in on_host(X)], nrows, ncols, labels or self.text_labels(y)
        )
