"""Images of requests as a network takes them, read as ``hardmax predict`` reads files."""

from http import HTTPStatus

import numpy as np

from hardmax.data.images.files import fit_images, read_image
from hardmax.data.images.opening import ImageContent, TooLargeError, check_pixels
from hardmax.errors import DataError
from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel

__all__ = ["pixels_of_array", "pixels_of_file"]


def pixels_of_file(content: bytes, name: str, model: ServedModel, limits: Limits) -> np.ndarray:
    """Return the image in a file, uint8 (height, width, channels) of the network's own size.

    ``name`` is that of the file. Call this while there are ``Models``, or within ``strict_pillow``.
    Raises RequestError for anything but an image of at most ``limits.pixels``, or if the model is
    not one of images.
    """
    _check_kind(model)
    try:
        source = ImageContent(name, content, limits.pixels)
        pixels, _ = read_image(source, model.run.input_shape, model.run.settings)
    except TooLargeError as error:
        raise RequestError(str(error), HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from error
    except DataError as error:
        raise RequestError(str(error)) from error
    return pixels


def pixels_of_array(images: np.ndarray, model: ServedModel, limits: Limits) -> np.ndarray:
    """Return images, uint8 (images, height, width, channels), in the network's own size.

    They may have any size and 1 or 3 channels, or 4, the last of which is opacity. Raises
    RequestError for others, or if they are too many or too large.
    """
    _check_kind(model)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3, 4):
        raise RequestError(
            "images must be uint8 of shape (n, height, width, channels) with 1, 3 or 4 channels, "
            f"got {images.dtype} of shape {[*images.shape]}"
        )
    if 0 in images.shape:
        raise RequestError(f"there are no images or no pixels in an array of {[*images.shape]}")
    limits.check_count(len(images), "images")
    try:
        check_pixels("the request", images.shape[1], images.shape[2], limits.pixels)
    except TooLargeError as error:
        raise RequestError(str(error), HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from error
    return fit_images(images, model.run.input_shape, model.run.settings)


def _check_kind(model: ServedModel) -> None:
    if model.kind != "images":
        raise RequestError(f"{model.name} classifies the rows of a table, not images; send rows")
