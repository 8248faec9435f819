"""Boards in a real terminal: a child process on a pseudo-terminal, with its screen emulated."""

import os
import re
import select
import signal
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

BOARD = """
import os, signal, sys
from hardmax.plotting.board import ProgressBoard
board = ProgressBoard(xlabel="epoch", xlim=[0, 4])
"""
DRAW = """
for i in range(1, 5):
    board.draw(i, 1 / i, "loss")
    board.draw(i, i / 8, "accuracy")
"""
#: The screen after BOARD and DRAW: the last x, and each curve's last, lowest and highest value.
TABLE = [
    "epoch curve now lowest highest",
    "4 loss 0.25 0.25 1",
    "4 accuracy 0.5 0.125 0.5",
    "━" * 60,
]


class Terminal:
    """A child process on a pseudo-terminal of 24 x 80 characters."""

    def __init__(self, code, **env):
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        unset = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
        inherited = {name: value for name, value in os.environ.items() if name not in unset}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**inherited, "TERM": "xterm", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.output = ""

    def read(self, until=None):
        """Read the output until it contains a text, or to the end."""
        data = self.output.encode()
        while until is None or until not in data.decode(errors="replace"):
            assert select.select([self.master], [], [], 120)[0], "no output from the terminal"
            try:
                new = os.read(self.master, 65536)
            except OSError:  # Linux raises it at the end
                new = b""
            if not new:
                break
            data += new
        self.output = data.decode()
        return self

    def finish(self):
        """Read to the end; return the exit status."""
        self.read()
        os.close(self.master)
        return self.process.wait(120)

    def screen(self):
        """Return the lines on the screen, and whether the cursor is visible."""
        lines, row, column, cursor = [""], 0, 0, True
        for code, text in re.findall(r"(\x1b\[[?\d;]*[A-Za-z]|[\r\n])|([^\x1b\r\n]+)", self.output):
            if text:
                old = lines[row].ljust(column)
                lines[row] = old[:column] + text + old[column + len(text) :]
                column += len(text)
            elif code == "\r":
                column = 0
            elif code == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif code.endswith("A"):
                row -= int(code[2:-1] or 1)
                assert row >= 0
            elif code == "\x1b[2K":
                lines[row] = ""
            elif code in ("\x1b[?25l", "\x1b[?25h"):
                cursor = code.endswith("h")
            else:
                assert code.endswith("m"), f"unknown control sequence {code!r}"
        return [" ".join(line.split()) for line in lines if line.strip()], cursor


def shown(code, status=0, **env):
    terminal = Terminal(code, **env)
    assert terminal.finish() == status, terminal.output
    return terminal.screen()


@pytest.mark.parametrize("end", ["board.close()", "pass", "board.close(); board.close()"])
def test_the_last_table_and_the_cursor_remain(end):
    assert shown(BOARD + DRAW + end) == (TABLE, True)


#: Restores the default handler first, because a shell's background jobs ignore Ctrl-C.
CTRL_C = """
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        ("sys.exit(3)", 3, None),
        ("raise ValueError('reason')", 1, "ValueError: reason"),
        (CTRL_C, -signal.SIGINT, "KeyboardInterrupt"),
    ],
)
def test_the_table_the_cursor_and_the_error_remain_however_the_process_ends(end, status, error):
    lines, cursor = shown(BOARD + DRAW + end, status)
    assert cursor
    assert lines[-4:] == TABLE
    assert lines[-5:-4] == ([error] if error else [])


def test_the_table_is_visible_while_the_process_runs():
    code = BOARD + "board.draw(1, 0.5, 'loss'); input(); board.draw(2, 0.125, 'loss')"
    terminal = Terminal(code).read(until="0.5 ").read(until="╺")
    assert "\x1b[?25l" in terminal.output
    os.write(terminal.master, b"\n")
    assert terminal.finish() == 0
    lines, cursor = terminal.screen()
    assert cursor
    assert "2 loss 0.125 0.125 0.5" in lines


@pytest.mark.parametrize(
    ("limits", "x", "cells"), [([0, 4], 1, 15), ([0, 4], 4, 60), ([2, 6], 4, 30)]
)
def test_the_bar_is_filled_up_to_the_curves_last_point(limits, x, cells):
    terminal = Terminal(BOARD + f"board.xlim = {limits}; board.draw({x}, 1, 'loss')")
    assert terminal.finish() == 0
    last = terminal.output.rpartition("highest")[2]
    filled = re.search(r"\x1b\[[\d;]*m(━+)", last)[1]
    assert len(filled) == cells
    # The first of the remaining cells is a half cell.
    assert last.count("━") + last.count("╺") == 60


def test_there_is_no_bar_without_limits():
    code = (
        "from hardmax.plotting.board import Animator\nboard = Animator('step', legend=['a', 'b'])\n"
    )
    lines, cursor = shown(code + "board.add(1, (2, None)); board.add(2, (1, None)); board.close()")
    assert lines == ["step curve now lowest highest", "2 a 1 1 2"]
    assert cursor


def test_two_consecutive_boards_both_remain():
    second = "other = ProgressBoard(xlabel='step')\nother.draw(7, 2.5, 'error')\n"
    lines, cursor = shown(BOARD + DRAW + second)
    assert lines == [*TABLE, "step curve now lowest highest", "7 error 2.5 2.5 2.5"]
    assert cursor


def test_drawing_after_close_starts_a_new_table():
    lines, cursor = shown(BOARD + DRAW + "board.close(); board.draw(4, 2, 'loss')")
    assert lines[:4] == TABLE
    assert lines[4:] == [TABLE[0], "4 loss 2 0.25 2", *TABLE[2:]]
    assert cursor


def test_printed_lines_appear_above_the_table():
    code = BOARD + DRAW + "print('first'); board.draw(4, 1, 'loss'); print('[b]second[/b] :+1:')"
    lines, _ = shown(code)
    assert lines[:2] == ["first", "[b]second[/b] :+1:"]
    assert lines[2:] == [TABLE[0], "4 loss 1 0.25 1", *TABLE[2:]]


@pytest.mark.parametrize("label", ["[val] loss", "[/b]", "[red]", "a:smile:b", "損失"])
def test_labels_are_shown_literally(label):
    lines, cursor = shown(f"{BOARD}board.draw(1, 2, {label!r})")
    assert cursor
    assert f"1 {label} 2 2 2" in lines


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("train_loss", "training loss"),
        ("val_loss", "validation loss"),
        ("val_acc", "validation accuracy"),
        ("train_top_5", "training top_5"),
        ("value_of", "value_of"),
    ],
)
def test_the_curves_of_a_training_have_names_in_words(label, words):
    lines, _ = shown(f"{BOARD}board.draw(9.74681, 2, {label!r})")
    assert lines[1] == f"9.7 {words} 2 2 2"


def test_only_epochs_are_rounded():
    lines, _ = shown(BOARD + "board.xlabel = 'rate'\nboard.draw(0.0125, 2, 'loss')")
    assert lines[1] == "0.0125 loss 2 2 2"


def test_an_axis_label_is_shown_literally():
    code = BOARD + "board.xlabel = '[s] time'\nboard.draw(1, 2, 'loss')"
    lines, cursor = shown(code)
    assert cursor
    assert lines[0] == "[s] time curve now lowest highest"


@pytest.mark.parametrize(
    ("settings", "y"),
    [
        ("xlim=[0, 0]", "1.0"),
        ("xlim=[4, 0]", "1.0"),
        ("xlim=[None, 4]", "1.0"),
        ("xlim=[0, None]", "1.0"),
        ("xlim=[0, 4]", "float('nan')"),
        ("xlim=[0, 4]", "float('inf')"),
    ],
)
def test_unusual_limits_and_values_do_not_fail(settings, y):
    code = f"from hardmax.plotting.board import ProgressBoard\nboard = ProgressBoard({settings})\n"
    lines, cursor = shown(f"{code}board.draw(1, {y}, 'loss')\nboard.draw(2, {y}, 'loss')")
    assert cursor
    assert lines[:2] == ["x curve now lowest highest", "2 loss" + f" {float(eval(y)):.4g}" * 3]


def test_a_board_without_display_writes_nothing():
    terminal = Terminal(BOARD + "board.display = False" + DRAW + "board.close()")
    assert terminal.finish() == 0
    assert terminal.output == ""


def test_a_dumb_terminal_gets_the_table_without_escape_codes():
    terminal = Terminal(BOARD + DRAW, TERM="dumb")
    assert terminal.finish() == 0
    assert "\x1b" not in terminal.output
    assert terminal.screen()[0] == TABLE


def test_nothing_is_written_if_stdout_is_redirected(tmp_path):
    code = f"""
import contextlib
with open({str(tmp_path / "out")!r}, "w") as out, contextlib.redirect_stdout(out):
    {(BOARD + DRAW).replace(chr(10), chr(10) + "    ")}
"""
    terminal = Terminal(code)
    assert terminal.finish() == 0, terminal.output
    assert terminal.output == ""
    assert (tmp_path / "out").read_bytes() == b""
