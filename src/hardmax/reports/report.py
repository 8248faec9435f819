"""The report of a run: one self-contained HTML file."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hardmax.data.datasets import Examples, Images
from hardmax.evaluation.classification import ClassificationMetrics
from hardmax.evaluation.metrics import frequent_confusions
from hardmax.evaluation.one_vs_rest import log_confidence
from hardmax.plotting import figure
from hardmax.plotting.board import ProgressBoard
from hardmax.plotting.curves import Point
from hardmax.reports import charts

__all__ = ["render"]

#: The number of worst mistakes shown.
MISTAKES = 24

#: With more classes a list of confusions replaces the confusion matrix, which would be unreadable.
MATRIX_CLASSES = 50

#: The length of that list.
CONFUSIONS = 30


def render(
    record: dict[str, Any],
    epochs: list[dict[str, Any]],
    test: Examples,
    scores: np.ndarray,
    classes: tuple[str, ...],
    metrics: ClassificationMetrics,
    source: str = "",
    uncalibrated: ClassificationMetrics | None = None,
    rules: Sequence[dict[str, Any]] = (),
) -> str:
    """Return the report of a run as an HTML document.

    ``record`` is the record of the run, ``epochs`` its history, ``scores`` the float scores of the
    examples of ``test``, of shape (examples, classes), and ``metrics`` their metrics. Without
    ``epochs`` it reports a later evaluation on the data ``source``, with the metrics before
    calibration as ``uncalibrated`` and the outcomes of decision ``rules``, if there are any.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("hardmax.reports", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    predictions = scores.argmax(axis=1)
    shares = _shares(metrics, len(classes))
    return environment.get_template("report.html.jinja").render(
        record=record,
        epochs=epochs,
        source=source,
        curves=[_curves(epochs, record, key) for key in ("loss", "accuracy")] if epochs else [],
        classes=classes,
        examples=test.words[1],
        metrics=metrics,
        uncalibrated=uncalibrated,
        rules=rules,
        chance_loss=math.log(len(classes)),
        drawings=[
            charts.reliability(metrics),
            charts.coverage(scores, test.labels, metrics),
            *charts.class_curves(scores, test.labels, classes, metrics),
        ],
        shares=shares,
        confusions=frequent_confusions(test.labels, predictions, CONFUSIONS)
        if shares is None
        else [],
        mistakes=_worst_mistakes(test, scores, predictions, classes),
    )


def _curves(epochs: list[dict[str, Any]], record: dict[str, Any], key: str) -> str:
    """Plot a metric over the epochs; return it as a data URL of an SVG."""
    held_out = "validation" if record["data"]["validation"] else "test"
    board = ProgressBoard(xlabel="epoch", ylabel=key, figsize=(4.6, 3.0), display=False)
    for label, part in (("training", "train"), (held_out, "val")):
        board.data[label] = [Point(epoch["epoch"], epoch[f"{part}_{key}"]) for epoch in epochs]
    return _data_url("image/svg+xml", figure.svg(board).encode())


def _shares(metrics: ClassificationMetrics, classes: int) -> list[list[float]] | None:
    """Return the confusion matrix normalized by row; None if it has too many classes to show."""
    if classes > MATRIX_CLASSES:
        return None
    confusion = np.array(metrics.confusion)
    return (confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)).tolist()


def _worst_mistakes(
    test: Examples, scores: np.ndarray, predictions: np.ndarray, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return the wrong predictions with the highest probability, the worst first."""
    wrong = np.flatnonzero(predictions != test.labels)
    places = getattr(test, "places", None)
    highest = log_confidence(scores[wrong])
    worst = np.argsort(-highest, kind="stable")[:MISTAKES]
    return [
        {
            "image": _png(test.images[i]) if isinstance(test, Images) else None,
            "number": int(i if places is None else places[i]),
            "true": classes[test.labels[i]],
            "predicted": classes[predictions[i]],
            "probability": float(np.exp(highest[rank])),
        }
        for rank, i in zip(worst, wrong[worst], strict=True)
    ]


def _png(image: np.ndarray) -> str:
    """Return an image, uint8 (height, width, channels), as a data URL of a PNG."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(np.squeeze(image, axis=2) if image.shape[2] == 1 else image).save(data, "PNG")
    return _data_url("image/png", data.getvalue())


def _data_url(kind: str, data: bytes) -> str:
    """Return data as a data URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
