"""The framework-independent parts of the book's functional API."""

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from hardmax.data.images.fashion_mnist import text_labels
from hardmax.evaluation.totals import Steps, Totals
from hardmax.plotting.board import Animator
from hardmax.plotting.pyplot import show_images
from hardmax.training.loaders import chunks

__all__ = [
    "LEGEND",
    "get_dataloader_workers",
    "get_fashion_mnist_labels",
    "image_size",
    "show_predictions",
    "train_and_draw",
    "train_and_print",
]

LEGEND = ["train loss", "train acc", "test acc"]

#: Points per epoch in the plots of the convolutional chapters.
POINTS = 5

get_fashion_mnist_labels = text_labels


def get_dataloader_workers() -> int:
    """Return a reasonable number of worker processes; hardmax's own loaders use none."""
    return min(4, os.cpu_count() or 1)


def image_size(resize: int | tuple[int, int] | None) -> tuple[int, int]:
    """Return the (height, width) that ``resize`` specifies; (28, 28) for None."""
    return (resize, resize) if isinstance(resize, int) else resize or (28, 28)


def train_and_draw(
    num_epochs: int,
    train_epoch: Callable[[], tuple[float, float]],
    test: Callable[[], float],
) -> None:
    """Train for ``num_epochs`` and plot the training loss and both accuracies.

    ``train_epoch`` returns the mean loss and the accuracy over the training examples, ``test`` the
    test accuracy. Warns if the result is worse than expected of softmax regression on
    Fashion-MNIST.
    """
    animator = Animator(xlabel="epoch", xlim=[1, num_epochs], ylim=[0.3, 0.9], legend=LEGEND)
    with contextlib.closing(animator):
        for epoch in range(num_epochs):
            train_loss, train_acc = train_epoch()
            test_acc = test()
            animator.add(epoch + 1, (train_loss, train_acc, test_acc))
    if not (train_loss < 0.5 and train_acc > 0.7 and test_acc > 0.7):
        warnings.warn(
            f"after {num_epochs} epochs the training loss is {train_loss:.3f}, the training "
            f"accuracy {train_acc:.3f} and the test accuracy {test_acc:.3f}; on Fashion-MNIST "
            "expect a loss below 0.5 and accuracies above 0.7",
            stacklevel=3,
        )


def train_and_print(
    num_epochs: int,
    train_iter: Any,
    train: Callable[[Any], Steps],
    test: Callable[[], float],
    device: object,
) -> None:
    """Train for ``num_epochs``, plot the progress, and print the final metrics and the speed.

    ``train`` takes a step on every batch of a chunk of ``train_iter`` and waits for the device;
    ``test`` returns the test accuracy.
    """
    print("training on", device)
    animator = Animator(xlabel="epoch", xlim=[1, num_epochs], legend=LEGEND)
    seconds, examples, parts = 0.0, 0, min(POINTS, len(train_iter))
    with contextlib.closing(animator):
        for epoch in range(num_epochs):
            totals = Totals()
            for i, chunk in enumerate(chunks(train_iter, parts)):
                start = time.perf_counter()
                totals.add(train(chunk))
                seconds += time.perf_counter() - start
                animator.add(epoch + (i + 1) / parts, (totals.loss, totals.accuracy, None))
            examples += totals.count
            test_acc = test()
            animator.add(epoch + 1, (None, None, test_acc))
    print(
        f"loss {totals.loss:.3f}, train acc {totals.accuracy:.3f}, test acc {test_acc:.3f}\n"
        f"{examples / seconds:.1f} examples/sec on {device}"
    )


def show_predictions(images: Sequence[object], labels: object, predictions: object, n: int) -> None:
    """Show the first ``n`` images of Fashion-MNIST with their true and predicted classes.

    ``images`` are arrays of shape (height, width); ``labels`` and ``predictions`` are integers.
    """
    names = zip(text_labels(labels), text_labels(predictions), strict=True)
    titles = [f"{true}\n{predicted}" for true, predicted in names]
    show_images(images[:n], 1, n, titles=titles[:n])
