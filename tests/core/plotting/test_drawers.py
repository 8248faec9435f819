"""Boards saved to files, and silent when output is not interactive."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from hardmax.errors import ArgumentError
from hardmax.plotting import figure
from hardmax.plotting.board import Animator, ProgressBoard

DRAW = """
from hardmax.plotting.board import ProgressBoard
board = ProgressBoard(xlabel="epoch", xlim=[0, 4])
for i in range(1, 5):
    board.draw(i, 1 / i, "loss")
"""


@pytest.fixture
def board():
    board = ProgressBoard(xlabel="epoch", ylabel="value", display=False)
    for i in range(1, 6):
        board.draw(i, 1 / i, "loss")
        board.draw(i, 1 - 1 / i, "accuracy")
    return board


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", b"<?xml"),
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.pdf", b"%PDF-"),
        ("A.SVG", b"<?xml"),
        ("a.b.png", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_the_extension_selects_the_format(tmp_path, board, name, start):
    board.save(tmp_path / name)
    board.save(str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.svg.gz", ".png", "a.jpg", "a.html"])
def test_other_extensions_are_refused_and_nothing_is_written(tmp_path, board, name):
    with pytest.raises(ArgumentError, match=r"must end in \.svg, \.png, \.pdf"):
        board.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_saved_svg_has_the_boards_size(tmp_path, board):
    board.save(tmp_path / "a.svg")
    root = ET.parse(tmp_path / "a.svg").getroot()
    assert root.tag.endswith("}svg")
    assert (root.get("width"), root.get("height")) == ("252pt", "180pt")  # 72 points per inch


def test_a_saved_png_is_not_blank(tmp_path, board):
    board.save(tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    blue, orange = (np.round(255 * np.array(to_rgba(c)[:3])) for c in ("C0", "C1"))
    for color in (blue, orange):
        assert (pixels == color).all(axis=2).sum() > 20


def test_a_figure_has_the_boards_points_labels_scales_and_limits():
    board = ProgressBoard(
        "epoch", "loss", xlim=[1, 5], ylim=[1e-3, 10], xscale="linear", yscale="log", display=False
    )
    for i in range(1, 6):
        board.draw(i, 10.0**-i, "train")
    axes = figure.draw(board).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 3, 4, 5])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    assert (axes.get_xlim(), axes.get_ylim()) == ((1, 5), (1e-3, 10))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train"]


def test_the_legend_names_each_curve_by_its_own_line(board):
    axes = figure.draw(board).axes[0]
    handles, texts = axes.get_legend().legend_handles, axes.get_legend().get_texts()
    shown = {text.get_text(): line.get_color() for text, line in zip(texts, handles, strict=True)}
    assert shown == {"loss": "C0", "accuracy": "C1"}


def test_nothing_is_clipped_at_the_edges(board):
    drawn = figure.draw(board)
    drawn.draw_without_rendering()
    axes, canvas = drawn.axes[0].get_tightbbox(), drawn.bbox
    assert (axes.min >= canvas.min).all()
    assert (axes.max <= canvas.max).all()


def test_drawing_again_replaces_the_plot(board):
    figure.draw(board)
    board.draw(6, 0.1, "loss")
    axes = figure.draw(board).axes
    assert len(axes) == 1
    assert [len(line.get_xdata()) for line in axes[0].lines] == [6, 5]


def test_the_callers_axes_are_used():
    fig = Figure()
    left, right = fig.subplots(1, 2)
    board = ProgressBoard(fig=fig, axes=right, display=False)
    board.draw(0, 1, "loss")
    assert figure.draw(board) is fig
    assert (len(left.lines), len(right.lines)) == (0, 1)
    assert board.fig is fig


def test_the_callers_figure_is_used_without_axes():
    fig = Figure()
    board = ProgressBoard(fig=fig, display=False)
    board.draw(0, 1, "loss")
    assert figure.draw(board) is fig
    assert len(fig.axes[0].lines) == 1


def test_an_animator_creates_its_grid_of_axes_and_draws_on_the_first():
    board = Animator(nrows=2, ncols=3, legend=["a", "b"])
    board.add(1, (1, 2))
    drawn = figure.draw(board)
    assert [len(axes.lines) for axes in drawn.axes] == [2, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_non_finite_value_leaves_a_gap_without_an_error(tmp_path, value):
    board = ProgressBoard(display=False)
    for i, y in enumerate((1.0, value, 2.0)):
        board.draw(i, y, "loss")
    board.save(tmp_path / "a.svg")
    ET.parse(tmp_path / "a.svg")


def test_a_board_without_points_can_be_saved(tmp_path):
    ProgressBoard(display=False).save(tmp_path / "a.svg")
    Animator(legend=["a"]).save(tmp_path / "b.svg")
    assert len(list(tmp_path.iterdir())) == 2


def test_saving_changes_no_matplotlib_settings(tmp_path, board):
    before = dict(matplotlib.rcParams)
    board.save(tmp_path / "a.svg")
    assert dict(matplotlib.rcParams) == before


def test_saving_imports_no_pyplot_and_opens_no_window(python, tmp_path):
    code = f"{DRAW}\nboard.save(r'{tmp_path / 'a.png'}')\nimport sys\n"
    assert python(code + "print('matplotlib.pyplot' in sys.modules)") == "False\n"


def test_a_pipe_gets_no_output_and_no_escape_codes():
    done = subprocess.run(
        [sys.executable, "-c", DRAW + "board.close()\nprint('end')"],
        env={**os.environ, "TERM": "xterm-256color"},
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"end\n", b"")


def test_a_process_without_stdout_draws_silently():
    closed = 'exec "$0" -c "$1" >&-'
    done = subprocess.run(["sh", "-c", closed, sys.executable, DRAW], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_silent_board_imports_neither_rich_nor_a_plotting_library(python):
    code = DRAW + "import sys\nprint(sorted({'rich', 'matplotlib', 'IPython'} & set(sys.modules)))"
    assert python(code) == "[]\n"
