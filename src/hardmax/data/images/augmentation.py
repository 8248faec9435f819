"""Augmentation: random changes of training images, the same in every framework.

The changes of an epoch are drawn here, in NumPy; each framework's ``augmentation.py`` applies them
to a batch on the device.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["AUGMENTATIONS", "Augmentation", "parsed"]

AUGMENTATIONS = ("flip", "shift", "crop")

#: The largest shift, as a part of the side: 2 of 28 pixels.
LARGEST_SHIFT = 1 / 14

#: The smallest part of an image's area that a crop keeps, and the least ratio of its sides.
SMALLEST_CROP, LEAST_ASPECT = 0.5, 3 / 4


def parsed(text: str) -> tuple[str, ...]:
    """Return the augmentations in text such as ``flip,shift``; ``none`` is ().

    Raises ArgumentError for other text.
    """
    names = () if text == "none" else tuple(text.split(","))
    if not {*names} <= {*AUGMENTATIONS}:
        raise ArgumentError(
            f"augment must be auto, none or some of {', '.join(AUGMENTATIONS)}, separated by "
            f"commas, got {text!r}"
        )
    return names


@dataclass(frozen=True)
class Augmentation:
    """Random changes, by name, of images with ``height`` and ``width`` pixels.

    ``flip`` mirrors half of the images left to right. ``shift`` moves an image by whole pixels, at
    most LARGEST_SHIFT of a side. ``crop`` enlarges a random part of an image, with at least
    SMALLEST_CROP of its area and sides in a ratio from LEAST_ASPECT to 1 / LEAST_ASPECT. What
    would lie beyond the border is filled by reflection.
    """

    names: tuple[str, ...]
    height: int
    width: int

    def draw(self, count: int, seed: int, epoch: int) -> "np.ndarray":
        """Return the changes of ``count`` examples in an epoch, float32 of shape (count, 4).

        Each row has the position of the first row of pixels in the original image and the distance
        between rows, both in pixels, then the same for columns. They depend on ``seed``, ``epoch``
        and the number of the example, but not on ``count``.
        """
        import numpy as np

        # The third number sets this generator apart from that of the order of the examples.
        uniform = np.random.default_rng([seed, epoch, 1]).random((count, 7)).T
        flips, area, aspect = uniform[:3]
        shifts, corners = uniform[3:5], uniform[5:]
        sizes = np.ones((2, count))
        if "crop" in self.names:
            area = SMALLEST_CROP + (1 - SMALLEST_CROP) * area
            stretch = LEAST_ASPECT ** (aspect - 0.5)
            sizes = np.minimum(np.sqrt(area) * np.stack([stretch, 1 / stretch]), 1)
        changes = np.empty((4, count))
        for axis, side in enumerate((self.height, self.width)):
            largest = round(side * LARGEST_SHIFT) if "shift" in self.names else 0
            # The middle of the first pixel of a part that begins at a corner, less half a pixel.
            first = (1 - sizes[axis]) * side * corners[axis] + (sizes[axis] - 1) / 2
            first += np.floor((2 * largest + 1) * shifts[axis]) - largest
            changes[2 * axis : 2 * axis + 2] = first, sizes[axis]
        if "flip" in self.names:
            mirrored = flips < 0.5
            changes[2, mirrored] += (self.width - 1) * changes[3, mirrored]
            changes[3, mirrored] *= -1
        return changes.T.astype(np.float32)
