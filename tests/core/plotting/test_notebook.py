"""Boards in a real notebook kernel: one plot per board and cell, redrawn in place."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from notebooks import executed

SETTINGS = "xlim=[0, 40], ylim=[0, 1]"

CELLS = {
    "many": f"""
from hardmax.plotting.board import Animator, ProgressBoard
board = ProgressBoard("epoch", {SETTINGS})
for i in range(30):
    board.draw(i, (i % 7) / 7, "loss")
""",
    "next": "board.draw(30, 0.5, 'loss')",
    "slow": f"""
import time
board = ProgressBoard({SETTINGS})
board.draw(0, 0.25, "loss")
time.sleep(0.3)
board.draw(10, 0.5, "loss")
board.draw(20, 0.75, "loss")
""",
    "two": f"""
boards = [ProgressBoard({SETTINGS}) for _ in range(2)]
for i in range(5):
    boards[0].draw(i, 0.125, "a")
    boards[1].draw(i, 0.875, "b")
""",
    "error": "board.draw(30, 0.125, 'loss'); board.draw(40, 0.25, 'loss'); 1 / 0",
    "closed": f"""
board = ProgressBoard({SETTINGS})
board.draw(0, 0.5, "loss"); board.draw(1, 0.25, "loss"); board.close()
board.draw(2, 0.75, "loss")
""",
    "animator": f"""
animator = Animator(legend=["a", "b"], {SETTINGS})
for i in range(12):
    animator.add(i, (0.5, None))
""",
    "hidden": "board = ProgressBoard(display=False); board.draw(0, 1, 'loss')",
    "idle": "None",
    "plot": """
from hardmax.plotting.pyplot import plot, set_figsize
set_figsize()
plot([0.25, 0.5, 0.75])
""",
    "modules": "import sys\nprint('rich' in sys.modules)",
}


@pytest.fixture(scope="module")
def cells():
    """The executed cells by name."""
    return executed(CELLS)


def images(cell):
    return [o["data"]["image/svg+xml"] for o in cell.outputs if o.output_type == "display_data"]


def points(svg, color="#1f77b4"):
    """Return the points of a curve, computed from its path and that of the axes frame."""
    paths = [
        (np.array(re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path.get("d")), float), path)
        for path in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")
    ]
    frames = [corners for corners, path in paths if "#ffffff" in path.get("style", "")]
    left, low = frames[1].min(axis=0)
    right, high = frames[1].max(axis=0)
    curve = next(o for o, p in paths if p.get("clip-path") and color in p.get("style", ""))
    xs, ys = curve.T
    return np.stack([40 * (xs - left) / (right - left), (high - ys) / (high - low)], axis=1)


def kinds(cell):
    return [one.kind for one in cell.metadata.get("shown", [])]


def test_a_cell_that_draws_often_has_one_plot_with_all_points(cells):
    (image,) = images(cells["many"])
    truth = [(i, (i % 7) / 7) for i in range(30)]
    np.testing.assert_allclose(points(image), truth, atol=1e-3)


def test_the_plot_is_shown_immediately_and_then_redrawn_in_place(cells):
    shown = cells["many"].metadata["shown"]
    assert kinds(cells["many"])[0] == "display_data"
    assert set(kinds(cells["many"])[1:]) == {"update_display_data"}
    assert len({one.display_id for one in shown}) == 1


def test_a_plot_is_redrawn_while_the_cell_runs_and_once_more_at_its_end(cells):
    assert kinds(cells["slow"]) == ["display_data"] + 2 * ["update_display_data"]
    (image,) = images(cells["slow"])
    np.testing.assert_allclose(points(image), [(0, 0.25), (10, 0.5), (20, 0.75)], atol=1e-3)


def test_the_next_cell_starts_a_new_plot_with_the_points_so_far(cells):
    (image,) = images(cells["next"])
    assert len(points(image)) == 31
    first, second = (cells[name].metadata["shown"][0] for name in ("many", "next"))
    assert first.display_id != second.display_id


def test_two_boards_have_separate_plots(cells):
    first, second = images(cells["two"])
    for image, height in ((first, 0.125), (second, 0.875)):
        np.testing.assert_allclose(points(image), [(i, height) for i in range(5)], atol=1e-3)


def test_a_cell_that_fails_still_shows_the_last_points(cells):
    assert [o.output_type for o in cells["error"].outputs] == ["display_data", "error"]
    (image,) = images(cells["error"])
    np.testing.assert_allclose(points(image)[-1], (40, 0.25), atol=1e-3)


def test_after_close_the_next_point_starts_a_new_plot(cells):
    assert [len(points(image)) for image in images(cells["closed"])] == [2, 3]


def test_an_animator_is_drawn_like_a_progress_board(cells):
    (image,) = images(cells["animator"])
    np.testing.assert_allclose(points(image), [(i, 0.5) for i in range(12)], atol=1e-3)


@pytest.mark.parametrize("name", ["hidden", "idle"])
def test_cells_without_a_displayed_board_show_nothing(cells, name):
    assert cells[name].outputs == []


def test_plot_shows_one_svg(cells):
    (output,) = cells["plot"].outputs
    assert output["data"]["image/svg+xml"].rstrip().endswith("</svg>")


def test_the_terminal_drawer_is_not_imported(cells):
    assert [o.text for o in cells["modules"].outputs] == ["False\n"]
