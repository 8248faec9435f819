"""Boards store exact points, and their curves are distinguishable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba

from hardmax.errors import ArgumentError
from hardmax.plotting import figure
from hardmax.plotting.board import Animator, ProgressBoard


def silent(**settings):
    return ProgressBoard(display=False, **settings)


def styles(board):
    """The color, line style and marker of each line that is drawn."""
    lines = figure.draw(board).axes[0].lines
    return [(to_rgba(line.get_color()), line.get_linestyle(), line.get_marker()) for line in lines]


numbers = st.floats(-1e6, 1e6)
draws = st.lists(st.tuples(numbers, numbers, st.integers(1, 300)), max_size=40)


@given(draws, st.integers(1, 7))
def test_points_are_weighted_means_of_every_n_draws(values, every_n):
    board = silent()
    for x, y, weight in values:
        board.draw(x, y, "loss", every_n=every_n, weight=weight)
    points = board.data.get("loss", [])
    assert len(points) == len(values) // every_n
    for i, point in enumerate(points):
        xs, ys, weights = map(np.array, zip(*values[i * every_n : (i + 1) * every_n], strict=True))
        assert point.x == pytest.approx(xs.sum() / every_n, rel=1e-9, abs=1e-9)
        assert point.y == pytest.approx((ys * weights).sum() / weights.sum(), rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abc"), numbers, numbers), max_size=30))
def test_curves_are_separate_and_every_draw_adds_a_point(values):
    board = silent()
    for label, x, y in values:
        board.draw(x, y, label)
    for label in "abc":
        expected = [(x, y) for name, x, y in values if name == label]
        assert [tuple(point) for point in board.data.get(label, [])] == expected
    assert [curve.label for curve in board.curves()] == list(dict.fromkeys(v[0] for v in values))


def test_interleaved_curves_count_their_own_draws():
    board = silent()
    for i in range(4):
        board.draw(i, 10 * i, "slow", every_n=2)
        board.draw(i, i, "fast")
    assert [tuple(p) for p in board.data["slow"]] == [(0.5, 5), (2.5, 25)]
    assert [p.x for p in board.data["fast"]] == [0, 1, 2, 3]


def test_points_have_x_and_y_as_plain_floats():
    board = silent()
    board.draw(np.float32(1), np.array(2, np.int64), "loss")
    point = board.data["loss"][-1]
    assert (point.x, point.y) == (1, 2)
    assert type(point.x) is type(point.y) is float


def test_a_value_is_not_read_before_its_point_is_added():
    read = []

    class Scalar:
        def __float__(self):
            read.append(1)
            return 2.0

    board = silent()
    board.draw(0, Scalar(), "loss", every_n=2)
    assert not read
    board.draw(1, Scalar(), "loss", every_n=2)
    assert len(read) == 2
    assert board.data["loss"][0].y == 2


@given(st.integers(1, 6), st.integers(1, 6))
def test_curves_have_distinct_styles_until_all_pairs_are_used(linestyles, colors):
    board = silent(ls=list(range(linestyles)), colors=[f"C{i}" for i in range(colors)])
    for i in range(linestyles * colors):
        board.draw(0, 1, str(i))
    pairs = {(curve.style["linestyle"], curve.style["color"]) for curve in board.curves()}
    assert len(pairs) == linestyles * colors


def test_a_progress_board_draws_sixteen_curves_that_look_different():
    board = silent()
    for i in range(16):
        board.draw(0, i, f"curve {i}")
    assert len(set(styles(board))) == 16


def test_an_animator_draws_nine_curves_that_look_different():
    board = Animator()
    board.add(0, range(9))
    assert len(set(styles(board))) == 9


def test_the_first_four_curves_have_the_books_styles():
    board = silent()
    for i in range(4):
        board.draw(0, i, str(i))
    assert [c.style["linestyle"] for c in board.curves()] == ["-", "--", "-.", ":"]
    assert [c.style["color"] for c in board.curves()] == ["C0", "C1", "C2", "C3"]


def test_an_animator_adds_a_point_to_each_curve():
    board = Animator(legend=["loss", "accuracy"])
    board.add(1, (0.5, 0.25))
    board.add(2, [0.25, 0.5])
    board.add(3, np.array([0.125, 0.75]))
    assert board.X == [[1, 2, 3], [1, 2, 3]]
    assert board.Y == [[0.5, 0.25, 0.125], [0.25, 0.5, 0.75]]
    assert [curve.label for curve in board.curves()] == ["loss", "accuracy"]
    assert board.curves()[1].points[2] == (3, 0.75)


def test_an_animator_takes_one_x_or_an_x_for_each_curve():
    one, two = Animator(), Animator()
    one.add(1, 5.0)
    two.add((1, 2), (3, 4))
    assert (one.X, one.Y) == ([[1]], [[5.0]])
    assert (two.X, two.Y) == ([[1], [2]], [[3], [4]])


def test_an_animator_takes_scalar_arrays():
    board = Animator()
    board.add(np.array(1.0), np.array(5.0))
    assert (board.X, board.Y) == ([[1]], [[5]])


def test_none_adds_no_point():
    board = Animator()
    board.add(1, (0.5, None))
    board.add(2, (None, 0.5))
    assert (board.X, board.Y) == ([[1], [2]], [[0.5], [0.5]])


@pytest.mark.parametrize(("x", "y"), [(1, (1, 2, 3)), (1, 5), ((1, 2, 3), (1, 2)), (1, ())])
def test_an_animator_refuses_a_different_number_of_curves_and_is_unchanged(x, y):
    board = Animator()
    board.add(1, (1, 2))
    with pytest.raises(ArgumentError, match="2 curves"):
        board.add(x, y)
    assert (board.X, board.Y) == ([[1], [1]], [[1], [2]])


def test_a_refused_first_point_does_not_fix_the_number_of_curves():
    board = Animator()
    with pytest.raises(ArgumentError, match="3 x and 2 y"):
        board.add((1, 2, 3), (1, 2))
    board.add(1, (1, 2, 3))
    assert board.Y == [[1], [2], [3]]


def test_settings_are_attributes():
    board = ProgressBoard(xlabel="epoch", ylim=[0, 1], yscale="log", display=False)
    assert (board.xlabel, board.ylim, board.yscale) == ("epoch", [0, 1], "log")
    assert board.hparams["figsize"] == (3.5, 2.5)


def test_the_legend_is_above_the_axes_and_hides_no_curve():
    board = silent()
    for label in ("train_loss", "val_loss", "val_acc", "a fourth curve"):
        for x in range(5):
            board.draw(x, x % 2, label)
    drawn = figure.draw(board)
    drawn.draw_without_rendering()
    (axes,) = drawn.axes
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [*board.data]
    assert legend.get_window_extent().y0 >= axes.get_window_extent().y1
    assert legend.get_window_extent().y1 <= drawn.bbox.y1


def test_a_notebook_shows_a_board_as_a_picture():
    board = silent(xlabel="epoch")
    board.draw(0, 1, "loss")
    assert "<svg" in board._repr_svg_()
    assert repr(board) == "ProgressBoard(xlabel='epoch', display=False)"
