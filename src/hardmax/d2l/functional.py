"""What the book's functional edition does in every framework that it came to."""

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
from hardmax.training.loaders import stretches

__all__ = [
    "LEGEND",
    "get_dataloader_workers",
    "get_fashion_mnist_labels",
    "picture_size",
    "show_predictions",
    "train_and_draw",
    "train_and_tell",
]

LEGEND = ["train loss", "train acc", "test acc"]

#: How often an epoch the convolutional chapters draw a point.
POINTS = 5

get_fashion_mnist_labels = text_labels


def get_dataloader_workers() -> int:
    """Return how many processes a loader of files may well use; hardmax's own uses none."""
    return min(4, os.cpu_count() or 1)


def picture_size(resize: int | tuple[int, int] | None) -> tuple[int, int]:
    """Return the (height, width) that ``resize`` asks Fashion-MNIST to have."""
    return (resize, resize) if isinstance(resize, int) else resize or (28, 28)


def train_and_draw(
    num_epochs: int,
    train_epoch: Callable[[], tuple[float, float]],
    test: Callable[[], float],
) -> None:
    """Train for ``num_epochs`` and draw the training loss and both accuracies.

    ``train_epoch`` returns the mean loss and the accuracy over its examples, ``test`` the accuracy
    on others. Warns where the result is worse than softmax regression should be on Fashion-MNIST.
    """
    animator = Animator(xlabel="epoch", xlim=[1, num_epochs], ylim=[0.3, 0.9], legend=LEGEND)
    with contextlib.closing(animator):
        for epoch in range(num_epochs):
            train_loss, train_acc = train_epoch()
            test_acc = test()
            animator.add(epoch + 1, (train_loss, train_acc, test_acc))
    if not (train_loss < 0.5 and train_acc > 0.7 and test_acc > 0.7):
        warnings.warn(
            f"after {num_epochs} epochs the training loss is {train_loss:.3f} and the accuracy "
            f"{train_acc:.3f} in training and {test_acc:.3f} in test; on Fashion-MNIST expect a "
            "loss below 0.5 and accuracies above 0.7",
            stacklevel=3,
        )


def train_and_tell(
    num_epochs: int,
    train_iter: Any,
    train: Callable[[Any], Steps],
    test: Callable[[], float],
    device: Any,
) -> None:
    """Train for ``num_epochs``, draw as it goes, and print how it ended and how fast it was.

    ``train`` takes a step on every batch that it is given, some of ``train_iter``'s in a row, and
    waits for the device; ``test`` returns the accuracy on other examples.
    """
    print("training on", device)
    animator = Animator(xlabel="epoch", xlim=[1, num_epochs], legend=LEGEND)
    seconds, examples, parts = 0.0, 0, min(POINTS, len(train_iter))
    with contextlib.closing(animator):
        for epoch in range(num_epochs):
            totals = Totals()
            for i, stretch in enumerate(stretches(train_iter, parts)):
                start = time.perf_counter()
                totals.add(train(stretch))
                seconds += time.perf_counter() - start
                animator.add(epoch + (i + 1) / parts, (totals.loss, totals.accuracy, None))
            examples += totals.count
            test_acc = test()
            animator.add(epoch + 1, (None, None, test_acc))
    print(
        f"loss {totals.loss:.3f}, train acc {totals.accuracy:.3f}, test acc {test_acc:.3f}\n"
        f"{examples / seconds:.1f} examples/sec on {device}"
    )


def show_predictions(pictures: Sequence[Any], labels: Any, predictions: Any, n: int) -> None:
    """Show the first ``n`` pictures of Fashion-MNIST with their true and predicted names.

    ``pictures`` are arrays of shape (height, width), the numbers of classes integers.
    """
    names = zip(text_labels(labels), text_labels(predictions), strict=True)
    titles = [f"{true}\n{predicted}" for true, predicted in names]
    show_images(pictures[:n], 1, n, titles=titles[:n])
