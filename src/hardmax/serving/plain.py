"""Plain requests for predictions: image files, or rows as JSON or CSV."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from hardmax.export.images import IMAGES
from hardmax.export.outputs import DECISION, LABEL, PROBABILITIES
from hardmax.serving.batching import Batcher
from hardmax.serving.bodies import from_json
from hardmax.serving.errors import RequestError
from hardmax.serving.forms import Upload, uploads
from hardmax.serving.images import pixels_of_file
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel
from hardmax.serving.rows import feeds_of_csv, feeds_of_rows
from hardmax.serving.threads import in_thread

__all__ = ["predict"]

FORM, JSON, CSV = "multipart/form-data", "application/json", "text/csv"

Found = dict[str, np.ndarray]


async def predict(
    batcher: Batcher, content: bytes, content_type: str, limits: Limits
) -> tuple[dict[str, Any], int]:
    """Return the answer to a request, and the number of its examples.

    Raises RequestError unless its body is of a kind that suits the model, and fits it.
    """
    if not content:
        raise RequestError("the body is empty; send what is to be classified")
    kind = content_type.partition(";")[0].strip().lower()
    of_kind = _of_images if batcher.model.kind == "images" else _of_rows
    predictions = await of_kind(batcher, content, kind, content_type, limits)
    return {"model": batcher.model.name, "predictions": predictions}, len(predictions)


async def _of_images(
    batcher: Batcher, content: bytes, kind: str, content_type: str, limits: Limits
) -> list[dict[str, Any]]:
    if kind == FORM:
        files = await _uploads(batcher, content, content_type, limits)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        files = [Upload("", content)]
    else:
        raise RequestError(
            f"this model classifies images, got {kind or 'no Content-Type'!r}; send an image as "
            f"image/png or another such type, or several as {FORM}",
            415,
        )
    predictions: list[dict[str, Any]] = []
    # Part by part, because decoded images take many times the memory of their files.
    for at in range(0, len(files), limits.batch):
        part = files[at : at + limits.batch]
        with batcher.arriving():
            # Image by image, so that the work ends soon after its client has left.
            pixels = [
                await asyncio.to_thread(
                    pixels_of_file, file.content, file.name or "the image", batcher.model, limits
                )
                for file in part
            ]
        found = await batcher.compute({IMAGES: np.stack(pixels)})
        places = [{"file": file.name or None} for file in part]
        predictions += _answers(batcher.model, found, places)
    return predictions


async def _of_rows(
    batcher: Batcher, content: bytes, kind: str, content_type: str, limits: Limits
) -> list[dict[str, Any]]:
    if kind == FORM:
        files = await _uploads(batcher, content, content_type, limits)
        if len(files) > 1:
            raise RequestError(f"send one CSV file, got {len(files)} files")
        content, parse = files[0].content, feeds_of_csv
    elif kind == CSV:
        parse = feeds_of_csv
    elif kind == JSON:
        parse = _feeds_of_json
    else:
        raise RequestError(
            f"this model classifies the rows of tables, got {kind or 'no Content-Type'!r}; send "
            f"them as {JSON}, {CSV} or {FORM}",
            415,
        )
    with batcher.arriving():
        feeds = await in_thread(len(content), parse, content, batcher.model, limits)
    found = await batcher.compute(feeds)
    places = [{"row": row} for row in range(1, len(found[LABEL]) + 1)]
    return await in_thread(len(content), _answers, batcher.model, found, places)


async def _uploads(
    batcher: Batcher, content: bytes, content_type: str, limits: Limits
) -> list[Upload]:
    with batcher.arriving():
        return await in_thread(len(content), uploads, content, content_type, limits.rows)


def _feeds_of_json(content: bytes, model: ServedModel, limits: Limits) -> Found:
    value = from_json(content)
    rows = [value] if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RequestError(
            "the JSON must be an object with the cells of a row, or an array of them"
        )
    return feeds_of_rows(rows, model, limits)


def _answers(
    model: ServedModel, found: Found, places: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the answer for each example, beginning with where it is in the request."""
    labels, rows = found[LABEL].tolist(), found[PROBABILITIES].tolist()
    answers: list[dict[str, Any]] = []
    for place, label, row in zip(places, labels, rows, strict=True):
        probabilities = dict(zip(model.classes, row, strict=True))
        answers.append(
            {
                **place,
                "label": label,
                "probability": probabilities[label],
                "probabilities": probabilities,
            }
        )
    if model.decides:
        for answer, decision in zip(answers, found[DECISION].tolist(), strict=True):
            answer["decision"] = decision or None
    return answers
