"""The book's functions for plotting curves and images with pyplot.

They accept arrays of any framework.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hardmax.checks import shortened
from hardmax.errors import ArgumentError
from hardmax.plotting.drawers import in_notebook
from hardmax.plotting.figure import set_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "on_demand",
    "on_host",
    "plot",
    "set_axes",
    "set_figsize",
    "show_counts",
    "show_images",
    "use_svg_display",
]

#: The most classes whose numbers are shown.
MOST_BARS = 30


class Curves(Protocol):
    """An array of any framework, or a sequence of numbers or arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> object: ...

    def __iter__(self) -> Iterator[object]: ...


def on_demand(name: str) -> ModuleType:
    """Import and return pyplot for the name ``plt``, only on access because it is slow to import.

    Raises AttributeError for any other name.
    """
    if name == "plt":
        import matplotlib.pyplot as plt

        return plt
    raise AttributeError(f"module has no attribute {name!r}")


def use_svg_display() -> None:
    """Make a notebook show figures as SVG; does nothing elsewhere."""
    if in_notebook():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the size in inches of all further pyplot figures."""
    import matplotlib.pyplot as plt

    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def plot(
    X: Curves,
    Y: Curves | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] | None = (),
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = ("-", "m--", "g-.", "r:"),
    figsize: tuple[float, float] = (3.5, 2.5),
    axes: "Axes | None" = None,
) -> None:
    """Plot one or more curves on ``axes`` or on a new pyplot figure.

    ``X`` and ``Y`` are arrays of shape (points,) or sequences of them; a single ``X`` is used for
    every ``Y``. Without ``Y`` the values of ``X`` are plotted against their indices.
    """
    xs, ys = _curves(X), _curves(Y)
    if not ys:
        xs, ys = [np.arange(len(x)) for x in xs], xs
    if len(xs) == 1:
        xs = xs * len(ys)
    if len(xs) != len(ys):
        raise ArgumentError(f"plot needs one X or as many as Y, got {len(xs)} X and {len(ys)} Y")
    if axes is None:
        import matplotlib.pyplot as plt

        use_svg_display()
        axes = plt.figure(figsize=figsize).subplots()
    axes.cla()
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        axes.plot(x, y, fmts[i % len(fmts)])
    set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)


def _curves(values: Curves | None) -> list[np.ndarray]:
    """Return one or more curves as a list of one-dimensional arrays."""
    if values is None:
        return []
    if len(values) == 0:
        raise ArgumentError("plot needs at least one curve, got an empty sequence")
    if on_host(values[0]).ndim == 0:
        return [on_host(values)]
    return [on_host(curve) for curve in values]


def on_host(array: object) -> np.ndarray:
    """Convert an array of any framework to NumPy."""
    if hasattr(array, "asnumpy"):  # MXNet's need an explicit conversion
        array = array.asnumpy()
    elif hasattr(array, "detach"):  # PyTorch's may be on another device, or have gradients
        array = array.detach().cpu()
    return np.asarray(array)


def show_images(
    imgs: Iterable[object],
    num_rows: int,
    num_cols: int,
    titles: Sequence[str] | None = None,
    scale: float = 1.5,
) -> np.ndarray:
    """Show images in a grid; return the axes, shape (num_rows * num_cols,).

    ``imgs`` contains arrays of shape (height, width) or (height, width, channels), or Pillow
    images; those that do not fit into the grid are not shown.
    """
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(num_cols * scale, num_rows * scale))
    axes = figure.subplots(num_rows, num_cols, squeeze=False).flatten()
    for i, (ax, img) in enumerate(zip(axes, imgs, strict=False)):
        ax.imshow(on_host(img))
        if titles:
            ax.set_title(titles[i])
    for ax in axes:
        ax.set_axis_off()
    return axes


def show_counts(names: Sequence[str], counts: Mapping[str, np.ndarray]) -> None:
    """Show numbers by name as bars, one color for each of several sets.

    ``counts`` are integers of shape (names,) by set. Of more than MOST_BARS names, those with the
    largest numbers are shown.
    """
    import matplotlib.pyplot as plt

    total = np.sum([*counts.values()], axis=0)
    shown = np.sort(np.argsort(-total, kind="stable")[:MOST_BARS])
    axes = plt.figure(figsize=(5, 1 + 0.3 * len(shown))).subplots()
    start = np.zeros(len(shown), np.int64)
    for label, values in counts.items():
        axes.barh(range(len(shown)), values[shown], left=start, label=label)
        start = start + values[shown]
    axes.set_yticks(range(len(shown)), [shortened(names[place]) for place in shown])
    axes.invert_yaxis()
    left_out = f"; the {len(shown)} largest of {len(names)} classes" * (len(shown) < len(names))
    axes.set_xlabel(f"rows{left_out}")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(counts), frameon=False)
