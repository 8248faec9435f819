"""Make images of any size those that a network takes, as ``hardmax.data.images`` does."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from hardmax.data.datasets import SCALE
from hardmax.data.images.files import convert_channels
from hardmax.data.options import ReadingOptions
from hardmax.export.graph import DOUBLE, FLOAT, INT64, UINT8, Graph
from hardmax.networks.shapes import Shape

__all__ = ["IMAGES", "add_images"]

#: The name of the input.
IMAGES = "images"

#: Pillow's weights of red, green and blue in luma (ITU-R 601-2), and their sum.
LUMA, LUMA_SUM = (19595, 38470, 7471), 2**16

#: What Pillow multiplies the weights of pixels by, to round them to integers.
PRECISION = 2**22

#: The height and the width of images, as values of a graph: double, shape (1,).
Size = tuple[str, str]


class Part(NamedTuple):
    """The part of an axis, from ``start`` to ``end``, that becomes ``inner`` pixels.

    These are values of a graph: double, shape (1,).
    """

    start: str
    end: str
    inner: str


class Axis(NamedTuple):
    """How the pixels along an axis become others, as values of a graph.

    From ``start`` on, ``scale`` pixels become one (double, shape (1,)). Used are those from
    ``first`` to before ``last`` (int64, shape (1,)). ``places`` are the numbers of those that they
    become (double, shape (pixels,)); pixels of a border, for which ``is_inner`` is false (bool,
    shape (pixels,)), have that of the next one inside. ``is_changed`` says whether there is
    anything to do (bool, shape (1,)).
    """

    start: str
    scale: str
    first: str
    last: str
    places: str
    is_inner: str
    is_changed: str


def add_images(graph: Graph, shape: Shape, reading: ReadingOptions) -> str:
    """Add the input IMAGES, and return it as a network takes images of ``shape``.

    ``shape`` is (height, width, 1 or 3 channels). The input is uint8 of shape (examples, height,
    width, 1, 3 or 4 channels), the fourth of which is opacity. The result is float32 of shape
    (examples, channels, height, width), 0 to 1. The pixels are those that hardmax would have with
    the version of Pillow that is installed.
    """
    height, width, channels = shape
    background = np.array([[[reading.background_color]]], np.uint8)
    images = graph.input(IMAGES, UINT8, "examples", "height", "width", "channels")
    size = _side(graph, images, 1), _side(graph, images, 2)
    wanted = _number(graph, height), _number(graph, width)
    parts = PARTS[reading.resizing](graph, size, wanted, width / height)
    rows, columns = map(partial(_axis, graph), parts, size, (height, width))
    pixels = graph.op("Transpose", _used(graph, images, rows, columns), perm=[0, 3, 1, 2])
    is_clear = _has_channels(graph, pixels, 4)
    pixels = _if(graph, "clear", is_clear, partial(_over, background=background), pixels)
    if channels == 1:
        pixels = _if(graph, "color", _has_channels(graph, pixels, 3), _luma, pixels)
    is_tall = _is_tall(graph, size, parts)
    pixels = _resized(graph, pixels, rows, columns, is_tall)
    # Gray is made color last, which is the same and costs least.
    pixels = graph.op("Expand", pixels, graph.constant([1, channels, 1, 1]))
    if reading.resizing == "pad":
        fill = convert_channels(background, channels).reshape(channels, 1, 1)
        pixels = graph.op("Where", _is_inner(graph, rows, columns), pixels, graph.constant(fill))
    scaled = graph.op("Cast", pixels, to=FLOAT)
    return graph.op("Mul", scaled, graph.constant(SCALE, np.float32))


def _number(graph: Graph, value: float) -> str:
    return graph.constant([value], np.float64)


def _side(graph: Graph, images: str, axis: int) -> str:
    return graph.op("Cast", graph.op("Shape", images, start=axis, end=axis + 1), to=DOUBLE)


def _has_channels(graph: Graph, pixels: str, channels: int) -> str:
    return graph.op("Equal", graph.op("Shape", pixels, start=1, end=2), graph.constant([channels]))


def _if(
    graph: Graph, name: str, condition: str, change: Callable[[Graph, str], str], pixels: str
) -> str:
    """Return pixels, changed on a condition; ``name`` is that of the change."""
    then, otherwise = Graph(f"{name}/then/"), Graph(f"{name}/else/")
    return graph.op(
        "If",
        condition,
        then_branch=then.subgraph({}, change(then, pixels), UINT8),
        else_branch=otherwise.subgraph({}, otherwise.op("Identity", pixels), UINT8),
    )


def _over(graph: Graph, pixels: str, background: np.ndarray) -> str:
    """Return pixels with opacity over a background, rounded as by Pillow's ``Image.paste``."""
    values = graph.op("Cast", pixels, to=FLOAT)
    channels = graph.constant([1])
    color, opacity = (
        graph.op("Slice", values, graph.constant([start]), graph.constant([end]), channels)
        for start, end in ((0, 3), (3, 4))
    )
    behind = graph.constant(background.reshape(3, 1, 1), np.float32)
    share = graph.op("Div", opacity, graph.constant(255, np.float32))
    shown = graph.op("Mul", graph.op("Sub", color, behind), share)
    return graph.op("Cast", graph.op("Round", graph.op("Add", behind, shown)), to=UINT8)


def _luma(graph: Graph, pixels: str) -> str:
    """Return color as gray. The sums are below 2 ** 24, so that float32 is exact."""
    weights = graph.constant(np.reshape(LUMA, (3, 1, 1)), np.float32)
    weighted = graph.op("Mul", graph.op("Cast", pixels, to=FLOAT), weights)
    total = graph.op("ReduceSum", weighted, graph.constant([1]))
    return _rounded(graph, total, LUMA_SUM, np.float32)


def _rounded(graph: Graph, values: str, divisor: int, dtype: type) -> str:
    """Return integers divided by another, and rounded half up, as pixels.

    ``dtype`` is that of the integers, float32 or float64, and must hold them exactly.
    """
    values = graph.op("Add", values, graph.constant(divisor / 2, dtype))
    values = graph.op("Floor", graph.op("Div", values, graph.constant(divisor, dtype)))
    return graph.op("Cast", graph.op("Min", values, graph.constant(255, dtype)), to=UINT8)


def _squashed(graph: Graph, size: Size, wanted: Size, ratio: float) -> tuple[Part, ...]:
    """Return the parts for rows and columns, which are all of an image."""
    zero = _number(graph, 0)
    return tuple(Part(zero, side, count) for side, count in zip(size, wanted, strict=True))


def _cropped(graph: Graph, size: Size, wanted: Size, ratio: float) -> tuple[Part, ...]:
    """Return the parts for rows and columns, computed as ``data.images.resizing._middle`` does."""
    height, width = size
    constant = _number(graph, ratio)
    inner_width = graph.op("Min", width, graph.op("Mul", constant, height))
    inner_height = graph.op("Min", height, graph.op("Div", width, constant))
    is_narrower = graph.op("Less", inner_width, width)
    inner_height = graph.op("Where", is_narrower, height, inner_height)
    parts = []
    for side, inner, count in zip(size, (inner_height, inner_width), wanted, strict=True):
        start = graph.op("Div", graph.op("Sub", side, inner), _number(graph, 2))
        parts.append(Part(start, graph.op("Add", start, inner), count))
    return tuple(parts)


def _padded(graph: Graph, size: Size, wanted: Size, ratio: float) -> tuple[Part, ...]:
    """Return the parts for rows and columns, computed as ``data.images.resizing._within`` does."""
    (height, width), (rows, columns), zero = size, wanted, _number(graph, 0)
    is_wider = graph.op("Greater", graph.op("Mul", width, rows), graph.op("Mul", height, columns))

    def scaled(side: str, other: str, count: str) -> str:
        exact = graph.op("Mul", graph.op("Div", side, other), count)
        return graph.op("Max", graph.op("Round", exact), _number(graph, 1))

    inner_rows = graph.op("Where", is_wider, scaled(height, width, columns), rows)
    inner_columns = graph.op("Where", is_wider, columns, scaled(width, height, rows))
    return Part(zero, height, inner_rows), Part(zero, width, inner_columns)


#: The parts for rows and columns by what is done to images of another aspect ratio.
PARTS = {"crop": _cropped, "pad": _padded, "squash": _squashed}


def _axis(graph: Graph, part: Part, side: str, pixels: int) -> Axis:
    """Return how a part of a side becomes the middle of ``pixels``."""
    zero, one = _number(graph, 0), _number(graph, 1)
    # Pillow takes the ends of the part, and their difference, in float32.
    start, end = (graph.op("Cast", end, to=FLOAT) for end in (part.start, part.end))
    length = graph.op("Cast", graph.op("Sub", end, start), to=DOUBLE)
    start, end = (graph.op("Cast", end, to=DOUBLE) for end in (start, end))
    scale = graph.op("Div", length, part.inner)
    support = graph.op("Max", scale, one)
    first = graph.op("Max", graph.op("Floor", graph.op("Sub", start, support)), zero)
    last = graph.op("Min", graph.op("Ceil", graph.op("Add", end, support)), side)
    border = graph.op("Sub", _number(graph, pixels), part.inner)
    border = graph.op("Round", graph.op("Div", border, _number(graph, 2)))
    numbers = graph.op("Sub", graph.constant(np.arange(pixels), np.float64), border)
    places = graph.op("Min", graph.op("Max", numbers, zero), graph.op("Sub", part.inner, one))
    is_whole = graph.op("Equal", side, _number(graph, pixels))
    is_same = graph.op("And", is_whole, graph.op("Equal", scale, one))
    return Axis(
        start,
        scale,
        graph.op("Cast", first, to=INT64),
        graph.op("Cast", last, to=INT64),
        places,
        graph.op("Equal", numbers, places),
        graph.op("Not", is_same),
    )


def _used(graph: Graph, images: str, rows: Axis, columns: Axis) -> str:
    """Return images, (examples, height, width, channels), without pixels that are not used."""
    first = graph.op("Concat", rows.first, columns.first, axis=0)
    last = graph.op("Concat", rows.last, columns.last, axis=0)
    return graph.op("Slice", images, first, last, graph.constant([1, 2]))


def _is_tall(graph: Graph, size: Size, parts: tuple[Part, ...]) -> str:
    """Return whether Pillow resizes columns before rows, which rounds some pixels otherwise.

    Since version 13 it does if the height loses more than twice as many pixels as the width.
    Versions 12.2 and 12.3 do for images over 100 times as high as wide, which is not followed.
    """
    import PIL

    if int(PIL.__version__.split(".")[0]) < 13:
        return graph.constant([False])
    rows, columns = (
        graph.op("Sub", side, part.inner) for side, part in zip(size, parts, strict=True)
    )
    zero, double = _number(graph, 0), graph.op("Mul", columns, _number(graph, 2))
    return graph.op("And", graph.op("Greater", rows, zero), graph.op("Greater", rows, double))


def _resized(graph: Graph, pixels: str, rows: Axis, columns: Axis, is_tall: str) -> str:
    """Return pixels resized along each axis that changes."""
    horizontally = partial(_row_resized, axis=columns)
    is_first = graph.op("And", columns.is_changed, graph.op("Not", is_tall))
    is_last = graph.op("And", columns.is_changed, is_tall)
    pixels = _if(graph, "first", is_first, horizontally, pixels)
    pixels = _if(graph, "second", rows.is_changed, partial(_column_resized, axis=rows), pixels)
    return _if(graph, "last", is_last, horizontally, pixels)


def _row_resized(graph: Graph, pixels: str, axis: Axis) -> str:
    """Return pixels with each row resized. The sums are near 2 ** 30: float32 would round them."""
    values = graph.op("Cast", pixels, to=DOUBLE)
    sums = graph.op("MatMul", values, _weights(graph, axis, 0))
    return _rounded(graph, sums, PRECISION, np.float64)


def _column_resized(graph: Graph, pixels: str, axis: Axis) -> str:
    """Return pixels with each column resized, computed as rows are."""
    values = graph.op("Cast", pixels, to=DOUBLE)
    sums = graph.op("MatMul", _weights(graph, axis, 1), values)
    return _rounded(graph, sums, PRECISION, np.float64)


def _weights(graph: Graph, axis: Axis, used: int) -> str:
    """Return the weights of used pixels in those that they become, integers as float64.

    ``used`` is the dimension of this matrix, 0 or 1, along which the used pixels are: ONNX Runtime
    1.17 cannot multiply by a transposed one. The weights are those of Pillow's Resample.c, which
    fall linearly with the distance of the pixels' centers.
    """
    one, half = _number(graph, 1), _number(graph, 0.5)
    ends = (graph.op("Squeeze", end) for end in (axis.first, axis.last))
    sources = graph.op("Cast", graph.op("Range", *ends, graph.constant(1)), to=DOUBLE)
    sources = graph.op("Unsqueeze", sources, graph.constant([1 - used]))
    centers = graph.op("Mul", graph.op("Add", axis.places, half), axis.scale)
    centers = graph.op("Add", axis.start, centers)
    centers = graph.op("Unsqueeze", centers, graph.constant([used]))
    distances = graph.op("Abs", graph.op("Add", graph.op("Sub", sources, centers), half))
    steepness = graph.op("Div", one, graph.op("Max", axis.scale, one))
    weights = graph.op("Sub", one, graph.op("Mul", distances, steepness))
    weights = graph.op("Max", weights, _number(graph, 0))
    # A cumulative sum adds in Pillow's order, which ReduceSum need not do.
    sums = graph.op("CumSum", weights, graph.constant(used))
    total = graph.op("Gather", sums, graph.constant([-1]), axis=used)
    weights = graph.op("Mul", graph.op("Div", weights, total), _number(graph, PRECISION))
    return graph.op("Floor", graph.op("Add", weights, half))


def _is_inner(graph: Graph, rows: Axis, columns: Axis) -> str:
    """Return which pixels are no border, bool of shape (height, width)."""
    are_rows = graph.op("Unsqueeze", rows.is_inner, graph.constant([1]))
    return graph.op("And", are_rows, columns.is_inner)
