"""A run, made readable: one HTML file that needs no network."""

import base64
import io
from typing import Any

import numpy as np

from hardmax.board import Point, ProgressBoard
from hardmax.boards import figure
from hardmax.data.arrays import Pictures
from hardmax.metrics import class_table, confusion_matrix, frequent_confusions, log_softmax

__all__ = ["render"]

#: How many of the worst mistakes are shown.
MISTAKES = 24

#: With more classes than this the confusion matrix, which nobody could read, gives way to a list.
MATRIX_CLASSES = 50

#: How long that list is.
CONFUSIONS = 30

#: How many examples at a time are given probabilities; there may be many classes.
BLOCK = 256


def render(
    record: dict[str, Any],
    epochs: list[dict[str, Any]],
    test: Pictures,
    scores: np.ndarray,
    classes: tuple[str, ...],
) -> str:
    """Return the report of a run as an HTML document.

    ``record`` is the run's record, ``epochs`` its history, ``scores`` the float scores of the
    examples of ``test``, of shape (examples, classes).
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("hardmax", ""), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    decisions = scores.argmax(axis=1)
    return environment.get_template("report.html.jinja").render(
        record=record,
        epochs=epochs,
        loss_curves=_curves(epochs, record, "loss"),
        accuracy_curves=_curves(epochs, record, "accuracy"),
        classes=classes,
        **_confusions(test.labels, decisions, len(classes)),
        class_table=class_table(test.labels, decisions, len(classes)),
        mistakes=_worst_mistakes(test, scores, decisions, classes),
    )


def _curves(epochs: list[dict[str, Any]], record: dict[str, Any], key: str) -> str:
    """Draw the curves of a key of the epochs; return the address of an inline SVG."""
    held_out = "validation" if record["data"]["validation"] else "test"
    board = ProgressBoard(xlabel="epoch", ylabel=key, figsize=(4.6, 3.0), display=False)
    for label, part in (("training", "train"), (held_out, "val")):
        board.data[label] = [Point(epoch["epoch"], epoch[f"{part}_{key}"]) for epoch in epochs]
    return _address("image/svg+xml", figure.svg(board).encode())


def _confusions(labels: np.ndarray, decisions: np.ndarray, classes: int) -> dict[str, Any]:
    """Return the confusion matrix and its rows' shares, or else the most frequent confusions."""
    if classes > MATRIX_CLASSES:
        return {"confusions": frequent_confusions(labels, decisions, CONFUSIONS)}
    confusion = confusion_matrix(labels, decisions, classes)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return {"confusion": confusion.tolist(), "shares": shares.tolist()}


def _worst_mistakes(
    test: Pictures, scores: np.ndarray, decisions: np.ndarray, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return the wrong decisions of the highest probability, the worst first."""
    wrong = np.flatnonzero(decisions != test.labels)
    blocks = (scores[wrong[at : at + BLOCK]] for at in range(0, len(wrong), BLOCK))
    highest = np.concatenate([np.zeros(0), *(log_softmax(block).max(axis=1) for block in blocks)])
    worst = np.argsort(-highest, kind="stable")[:MISTAKES]
    return [
        {
            "picture": _png(test.images[i]),
            "number": int(i),
            "true": classes[test.labels[i]],
            "decided": classes[decisions[i]],
            "probability": float(np.exp(highest[place])),
        }
        for place, i in zip(worst, wrong[worst], strict=True)
    ]


def _png(image: np.ndarray) -> str:
    """Return a picture, uint8 (height, width, channels), as the address of an inline PNG."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(np.squeeze(image, axis=2) if image.shape[2] == 1 else image).save(data, "PNG")
    return _address("image/png", data.getvalue())


def _address(kind: str, data: bytes) -> str:
    """Return the address of data that stands in the page itself."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
