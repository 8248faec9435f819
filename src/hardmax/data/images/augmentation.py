"""Augmentation: random changes of training images, the same in every framework.

The changes of an epoch are drawn here, in NumPy; each framework's ``augmentation.py`` applies them
to a batch on the device.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "AUGMENTATIONS",
    "BOX",
    "COLOR",
    "COLUMNS",
    "LUMA",
    "MOVES",
    "ROWS",
    "SHARE",
    "Augmentation",
    "parsed",
]

AUGMENTATIONS = ("flip", "shift", "crop", "color", "cutout", "mixup")

#: Those that move pixels.
MOVING = {"flip", "shift", "crop"}

#: The columns of what ``Augmentation.draw`` returns.
ROWS, COLUMNS, MOVES = slice(0, 2), slice(2, 4), slice(0, 4)
COLOR, BOX, SHARE = slice(4, 7), slice(7, 11), slice(11, 12)

#: The changes of an image that stays as it is.
UNCHANGED = (0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1)

#: The weights of the channels in luma (ITU-R 601-2), by the number of channels.
LUMA = {1: (1.0,), 3: (0.299, 0.587, 0.114)}

#: The largest shift, as a part of the side: 2 of 28 pixels.
LARGEST_SHIFT = 1 / 14

#: The smallest part of an image's area that a crop keeps, and the least ratio of its sides.
SMALLEST_CROP, LEAST_ASPECT = 0.5, 3 / 4

#: The most by which brightness, contrast and saturation differ from 1.
LARGEST_COLOR = 0.4

#: The sides of the box of ``cutout``, as a part of those of the image.
BOX_SIDE = 1 / 2

#: Both parameters of the beta distribution of the shares of images that ``mixup`` mixes.
MIXUP = 0.2


def parsed(text: str) -> tuple[str, ...]:
    """Return the augmentations in text such as ``flip,shift``; ``none`` is ().

    Raises ArgumentError for other text.
    """
    names = () if text == "none" else tuple(text.split(","))
    if not {*names} <= {*AUGMENTATIONS} or len({*names}) < len(names):
        raise ArgumentError(
            f"augment must be auto, none or some of {', '.join(AUGMENTATIONS)}, separated by "
            f"commas, each at most once, got {text!r}"
        )
    return names


class Operations(Protocol):
    """What changes batches on a device: the functions of each backend's ``augmentation.py``."""

    def moved(self, images: Any, changes: Any, size: tuple[int, int]) -> Any:
        """Return images of ``size``, with rows and columns at places of the original, by MOVES."""

    def recolored(self, images: Any, factors: Any) -> Any:
        """Return images with other colors, by COLOR."""

    def cut(self, images: Any, bounds: Any) -> Any:
        """Return images with a filled box, by BOX."""

    def mixed(self, images: Any, labels: Any, share: Any) -> tuple[Any, Any]:
        """Return images mixed with others of the batch and the labels of both, by SHARE."""


@dataclass(frozen=True)
class Augmentation:
    """Random changes, by name, of images with ``height`` and ``width`` pixels.

    The images have the size ``source`` (height, width) before, by default the same. Only images
    that are moved can have another one.

    ``flip`` mirrors half of the images left to right. ``shift`` moves an image by whole pixels, at
    most LARGEST_SHIFT of a side. ``crop`` resizes a random part of an image, with at least
    SMALLEST_CROP of its area and sides in a ratio from LEAST_ASPECT to 1 / LEAST_ASPECT. What
    would lie beyond the border is filled by reflection.

    ``color`` changes brightness, contrast and saturation, each by a factor between 1 -
    LARGEST_COLOR and 1 + LARGEST_COLOR. ``cutout`` (T. DeVries, G. Taylor, "Improved Regularization
    of Convolutional Neural Networks with Cutout", 2017) fills a box around a random pixel with the
    mean of the image; part of the box may lie outside. ``mixup`` (H. Zhang et al., "mixup: Beyond
    Empirical Risk Minimization", ICLR 2018) mixes each image, and the loss of its label, with
    those of the image that has the same place in the batch in reversed order.

    Raises ArgumentError for an unknown name.
    """

    names: tuple[str, ...]
    height: int
    width: int
    source: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        parsed(",".join(self.names) or "none")
        assert self.moves or not self.resizes

    @property
    def moves(self) -> bool:
        """Whether pixels are moved."""
        return bool(MOVING & {*self.names})

    @property
    def resizes(self) -> bool:
        """Whether images have another size before than after."""
        return self.source not in (None, (self.height, self.width))

    def apply(
        self, operations: Operations, images: Any, labels: Any, changes: Any
    ) -> tuple[Any, Any]:
        """Return a batch of images in [0, 1] changed by rows of what ``draw`` returned, and labels.

        Images and labels are tensors of the framework of ``operations``.
        """
        if self.moves:
            images = operations.moved(images, changes[:, MOVES], (self.height, self.width))
        if "color" in self.names:
            images = operations.recolored(images, changes[:, COLOR])
        if "cutout" in self.names:
            images = operations.cut(images, changes[:, BOX])
        if "mixup" in self.names:
            return operations.mixed(images, labels, changes[:, SHARE])
        return images, labels

    def draw(self, count: int, seed: int, epoch: int) -> "np.ndarray":
        """Return the changes of ``count`` examples in an epoch, float32 of shape (count, 12).

        A row has, in ROWS, the position of the first row of pixels in the original image and the
        distance between rows, both in pixels, and in COLUMNS the same for columns; in COLOR the
        factors of the image, of its luma and of the mean of that, whose sum is the changed image
        before it is clipped; in BOX the first row of the box of ``cutout`` and
        the first row after it, then the same for columns; and in SHARE the image's own share in
        the mixture. They depend on ``seed``, ``epoch`` and the number of the example, but not on
        ``count``.
        """
        import numpy as np

        changes = self.unchanged(count)
        for kind, (names, columns, draw) in enumerate(
            (
                (MOVING, MOVES, self._moves),
                ({"color"}, COLOR, self._colors),
                ({"cutout"}, BOX, self._boxes),
                ({"mixup"}, SHARE, self._shares),
            ),
            1,
        ):
            if names & {*self.names}:
                # The kind sets the generators apart from each other and from that of the order.
                changes[:, columns] = draw(count, np.random.default_rng([seed, epoch, kind])).T
        return changes

    def unchanged(self, count: int) -> "np.ndarray":
        """Return the changes of images that are only resized, in the form of ``draw``."""
        import numpy as np

        changes = np.array(UNCHANGED, float)
        changes[MOVES] = self._in_source(changes[MOVES])
        return np.tile(changes.astype(np.float32), (count, 1))

    def _moves(self, count: int, generator: "np.random.Generator") -> "np.ndarray":
        """Return the places of rows and columns, float64 (4, count)."""
        import numpy as np

        uniform = generator.random((count, 7)).T
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
        return self._in_source(changes)

    def _in_source(self, moves: "np.ndarray") -> "np.ndarray":
        """Return places in images of the size after, float64 (4, ...), as places in the source.

        Steps below 4 are rounded so that their products with the numbers of lines are exact in
        float32. Then places are the same however a compiler repeats or fuses their computation.
        """
        import numpy as np

        placed, after = moves.copy(), (self.height, self.width)
        for axis, (old, new) in enumerate(zip(self.source or after, after, strict=True)):
            if old != new:
                # The middle of a pixel is half a pixel from its border in both.
                placed[2 * axis] = (moves[2 * axis] + 0.5) * old / new - 0.5
                placed[2 * axis + 1] = moves[2 * axis + 1] * old / new
            quantum = 2.0 ** ((new - 1).bit_length() - 22)
            placed[2 * axis + 1] = np.round(placed[2 * axis + 1] / quantum) * quantum
        return placed

    def _colors(self, count: int, generator: "np.random.Generator") -> "np.ndarray":
        """Return the factors of colors, float64 (3, count)."""
        import numpy as np

        uniform = generator.random((count, 3)).T
        brightness, contrast, saturation = 1 + LARGEST_COLOR * (2 * uniform - 1)
        factors = [saturation * contrast, (1 - saturation) * contrast, 1 - contrast]
        return np.stack([brightness * factor for factor in factors])

    def _boxes(self, count: int, generator: "np.random.Generator") -> "np.ndarray":
        """Return the bounds of boxes, float64 (4, count)."""
        import numpy as np

        uniform = generator.random((count, 2)).T
        sides = np.array([self.height, self.width])
        lengths = np.maximum(np.rint(BOX_SIDE * sides), 1)[:, np.newaxis]
        first = np.floor(uniform * sides[:, np.newaxis]) - lengths // 2
        return np.stack([first, first + lengths], axis=1).reshape(4, -1)

    def _shares(self, count: int, generator: "np.random.Generator") -> "np.ndarray":
        """Return the images' own shares in their mixtures, float64 (1, count)."""
        return generator.beta(MIXUP, MIXUP, (1, count))
