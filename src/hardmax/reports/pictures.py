"""Pictures as data URLs, which make a page self-contained."""

import io

import numpy as np

from hardmax.data.images.augmentation import LUMA
from hardmax.networks.interpolation import interpolation
from hardmax.plotting.figure import data_url

__all__ = ["png", "with_map"]

#: The perceptually uniform color map of activation maps, and its share in each pixel.
COLORS, OPACITY = "viridis", 0.6


def png(image: np.ndarray) -> str:
    """Return an image, uint8 (height, width, channels), as a data URL of a PNG."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(np.squeeze(image, axis=2) if image.shape[2] == 1 else image).save(data, "PNG")
    return data_url("image/png", data.getvalue())


def with_map(image: np.ndarray, activation_map: np.ndarray) -> np.ndarray:
    """Return an image with a map over it, uint8 (height, width, 3).

    ``image`` is uint8 (height, width, 1 or 3), ``activation_map`` float32 (rows, columns), at least
    0. The map is scaled to the image by bilinear interpolation, and to a maximum of 1 unless it is
    0 everywhere. The image is gray below it, so that all colors are those of the map.
    """
    from matplotlib import colormaps

    height, width, channels = image.shape
    rows, columns = activation_map.shape
    highest = activation_map.max()
    scaled = activation_map / highest if highest > 0 else activation_map
    values = interpolation(rows, height) @ scaled @ interpolation(columns, width).T
    colors = 255 * colormaps[COLORS](np.clip(values, 0, 1))[:, :, :3]
    gray = image @ np.array(LUMA[channels])
    mixed: np.ndarray = OPACITY * colors + (1 - OPACITY) * gray[:, :, None]
    return mixed.round().astype(np.uint8)
