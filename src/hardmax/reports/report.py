"""A run, made readable: one HTML file that needs no network."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hardmax.data.datasets import Examples, Pictures
from hardmax.evaluation.classification import Judgement
from hardmax.evaluation.metrics import frequent_confusions
from hardmax.evaluation.one_vs_rest import log_confidence
from hardmax.plotting import figure
from hardmax.plotting.board import ProgressBoard
from hardmax.plotting.curves import Point
from hardmax.reports import charts

__all__ = ["render"]

#: How many of the worst mistakes are shown.
MISTAKES = 24

#: With more classes than this the confusion matrix, which nobody could read, gives way to a list.
MATRIX_CLASSES = 50

#: How long that list is.
CONFUSIONS = 30


def render(
    record: dict[str, Any],
    epochs: list[dict[str, Any]],
    test: Examples,
    scores: np.ndarray,
    classes: tuple[str, ...],
    judged: Judgement,
    source: str = "",
    uncalibrated: Judgement | None = None,
    rules: Sequence[dict[str, Any]] = (),
) -> str:
    """Return the report of a run as an HTML document.

    ``record`` is the run's record, ``epochs`` its history, ``scores`` the float scores of the
    examples of ``test``, of shape (examples, classes), and ``judged`` what they are worth. Without
    ``epochs`` it is the report of a run that is judged anew, on the data ``source``; then it may
    have been ``uncalibrated`` before, and have ``rules`` of decision, with what comes of them.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("hardmax.reports", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    decisions = scores.argmax(axis=1)
    shares = _shares(judged, len(classes))
    return environment.get_template("report.html.jinja").render(
        record=record,
        epochs=epochs,
        source=source,
        curves=[_curves(epochs, record, key) for key in ("loss", "accuracy")] if epochs else [],
        classes=classes,
        thing=test.words[0],
        things=test.words[1],
        judged=judged,
        uncalibrated=uncalibrated,
        rules=rules,
        knowing_nothing=math.log(len(classes)),
        drawings=[
            charts.reliability(judged),
            charts.coverage(scores, test.labels, judged),
            *charts.class_curves(scores, test.labels, classes, judged),
        ],
        shares=shares,
        confusions=frequent_confusions(test.labels, decisions, CONFUSIONS)
        if shares is None
        else [],
        mistakes=_worst_mistakes(test, scores, decisions, classes),
    )


def _curves(epochs: list[dict[str, Any]], record: dict[str, Any], key: str) -> str:
    """Draw the curves of a key of the epochs; return the address of an inline SVG."""
    held_out = "validation" if record["data"]["validation"] else "test"
    board = ProgressBoard(xlabel="epoch", ylabel=key, figsize=(4.6, 3.0), display=False)
    for label, part in (("training", "train"), (held_out, "val")):
        board.data[label] = [Point(epoch["epoch"], epoch[f"{part}_{key}"]) for epoch in epochs]
    return _address("image/svg+xml", figure.svg(board).encode())


def _shares(judged: Judgement, classes: int) -> list[list[float]] | None:
    """Return the shares of each row of the confusion matrix; None where nobody could read it."""
    if classes > MATRIX_CLASSES:
        return None
    confusion = np.array(judged.confusion)
    return (confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)).tolist()


def _worst_mistakes(
    test: Examples, scores: np.ndarray, decisions: np.ndarray, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return the wrong decisions of the highest probability, the worst first."""
    wrong = np.flatnonzero(decisions != test.labels)
    places = getattr(test, "places", None)
    highest = log_confidence(scores[wrong])
    worst = np.argsort(-highest, kind="stable")[:MISTAKES]
    return [
        {
            "picture": _png(test.images[i]) if isinstance(test, Pictures) else None,
            "number": int(i if places is None else places[i]),
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
