"""Curves and images plotted with pyplot."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from hardmax.errors import ArgumentError
from hardmax.plotting.pyplot import (
    MOST_BARS,
    plot,
    set_axes,
    set_figsize,
    show_counts,
    show_images,
    use_svg_display,
)

x = np.array([0.0, 1.0, 2.0])


@pytest.fixture(autouse=True)
def plt():
    """pyplot without windows; closes its figures and restores its settings."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        yield plt
    plt.close("all")


def lines(axes):
    return [np.stack([line.get_xdata(), line.get_ydata()], axis=1).tolist() for line in axes.lines]


def curve(xs, ys):
    return np.stack([xs, ys], axis=1).tolist()


positions = np.arange(3)


@pytest.mark.parametrize(
    ("X", "Y", "curves"),
    [
        (x, x**2, [curve(x, x**2)]),
        ([0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [curve(x, [3, 4, 5])]),
        ((0, 1, 2), (3, 4, 5), [curve(x, [3, 4, 5])]),
        (x, [x, 2 * x], [curve(x, x), curve(x, 2 * x)]),
        ([x], [x, 2 * x], [curve(x, x), curve(x, 2 * x)]),
        ([x, x + 1], [x, 2 * x], [curve(x, x), curve(x + 1, 2 * x)]),
        ([[0, 1], [0, 1, 2]], [[5, 6], [7, 8, 9]], [curve([0, 1], [5, 6]), curve(x, [7, 8, 9])]),
        (x, np.stack([x, -x]), [curve(x, x), curve(x, -x)]),
        (np.stack([x, 2 * x]), np.stack([x, -x]), [curve(x, x), curve(2 * x, -x)]),
        (5 * x, None, [curve(positions, 5 * x)]),
        ([4, 5, 6], None, [curve(positions, [4, 5, 6])]),
        ([x, 2 * x], None, [curve(positions, x), curve(positions, 2 * x)]),
        (np.stack([x, 2 * x]), None, [curve(positions, x), curve(positions, 2 * x)]),
    ],
)
def test_plot_accepts_every_form_of_curves(plt, X, Y, curves):
    plot(X, Y)
    assert lines(plt.gca()) == curves


@pytest.mark.parametrize(
    ("X", "Y"), [([x, x], [x, x, x]), ([x, x, x], [x, x]), ([x, x], x), ([], None)]
)
def test_plot_refuses_curves_that_do_not_match(X, Y):
    with pytest.raises(ArgumentError):
        plot(X, Y)


def test_plot_draws_more_curves_than_there_are_formats(plt):
    plot(x, [i * x for i in range(6)])
    assert len(plt.gca().lines) == 6


def test_plot_takes_formats_labels_limits_scales_and_legend(plt):
    plot(
        x + 1,
        [x + 1, x + 2],
        "time",
        "size",
        ["a", "b"],
        xlim=[1, 5],
        ylim=[1, 10],
        xscale="log",
        yscale="log",
        fmts=("r:", "g--"),
    )
    axes = plt.gca()
    assert [(line.get_color(), line.get_linestyle()) for line in axes.lines] == [
        ("r", ":"),
        ("g", "--"),
    ]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time", "size")
    assert (axes.get_xlim(), axes.get_ylim()) == ((1, 5), (1, 10))
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


@pytest.mark.parametrize("legend", [[], (), None])
def test_plot_without_a_legend_has_none(plt, legend):
    plot(x, legend=legend)
    assert plt.gca().get_legend() is None


def test_plot_uses_figsize_and_does_not_change_pyplots_default(plt):
    before = dict(matplotlib.rcParams)
    plot(x, figsize=(5, 2))
    assert plt.gcf().get_size_inches().tolist() == [5, 2]
    assert dict(matplotlib.rcParams) == before


def test_plot_clears_the_callers_axes_and_draws_on_them(plt):
    figure, (left, right) = plt.subplots(1, 2)
    right.plot([9, 9])
    plot(x, axes=right)
    assert lines(right) == [curve(positions, x)]
    assert not left.lines
    assert plt.get_fignums() == [figure.number]


def test_plot_does_not_change_its_arrays():
    xs, ys = x.copy(), [x.copy(), 2 * x]
    plot(xs, ys)
    np.testing.assert_array_equal(xs, x)
    assert len(ys) == 2


def test_set_figsize_applies_to_further_figures(plt):
    set_figsize((4, 3))
    assert plt.figure().get_size_inches().tolist() == [4, 3]
    set_figsize()
    assert plt.figure().get_size_inches().tolist() == [3.5, 2.5]


def test_set_axes_sets_labels_and_limits(plt):
    axes = plt.figure().subplots()
    axes.plot(x)
    set_axes(axes, "a", None, [0, 2], None, "linear", "linear", ["c"])
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xlim()) == ("a", "", (0, 2))


def test_use_svg_display_does_nothing_outside_a_notebook():
    before = dict(matplotlib.rcParams)
    use_svg_display()
    assert dict(matplotlib.rcParams) == before


def shown(axes):
    return [np.asarray(image.get_array()).squeeze().tolist() for image in axes.images]


images = np.random.default_rng(0).random((5, 3, 4))


def test_show_images_fills_the_grid_row_by_row(plt):
    axes = show_images(images, 2, 3, scale=2)
    assert axes.shape == (6,)
    assert [shown(a) for a in axes] == [[p.tolist()] for p in images] + [[]]
    assert plt.gcf().get_size_inches().tolist() == [6, 4]
    rows = [a.get_subplotspec().rowspan.start for a in axes]
    assert rows == [0, 0, 0, 1, 1, 1]


def test_show_images_skips_images_that_do_not_fit():
    axes = show_images(images, 1, 2)
    assert [shown(a) for a in axes] == [[p.tolist()] for p in images[:2]]


@pytest.mark.parametrize(
    "images",
    [
        images[..., None],
        list(images),
        (255 * np.random.default_rng(0).random((2, 3, 4, 3))).astype(np.uint8),
        [Image.new("RGB", (4, 3), "red"), Image.new("L", (4, 3), 7)],
        iter(images),
    ],
)
def test_show_images_takes_grayscale_and_color_arrays_and_pillow_images(images):
    axes = show_images(images, 1, 2)
    assert [len(a.images) for a in axes] == [1, 1]
    assert axes[0].images[0].get_array().shape[:2] == (3, 4)


def test_show_images_has_titles_and_no_ticks():
    axes = show_images(images, 1, 2, titles=["shirt", "bag"])
    assert [a.get_title() for a in axes] == ["shirt", "bag"]
    assert not any(a.axison for a in axes)


def widths(axes):
    return [[bar.get_width() for bar in bars] for bars in axes.containers]


def test_show_counts_stacks_the_bars_of_the_sets(plt):
    show_counts(["yes", "no"], {"training": np.array([5, 3]), "test": np.array([1, 2])})
    (axes,) = plt.gcf().axes
    assert widths(axes) == [[5, 3], [1, 2]]
    assert [bar.get_x() for bar in axes.containers[1]] == [5, 3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["yes", "no"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "test"]
    assert axes.get_xlabel() == "rows"


def test_show_counts_leaves_out_the_smallest_of_many(plt):
    counts = np.random.default_rng(0).permutation(MOST_BARS + 5)
    show_counts([*map(str, counts)], {"training": counts})
    (axes,) = plt.gcf().axes
    assert widths(axes) == [[count for count in counts if count >= 5]]
    assert [label.get_text() for label in axes.get_yticklabels()] == [*map(str, widths(axes)[0])]
    assert axes.get_xlabel() == f"rows; the {MOST_BARS} largest of {MOST_BARS + 5} classes"
