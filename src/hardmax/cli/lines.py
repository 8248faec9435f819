"""Lines of text and cells of tables that fit a terminal of 80 columns."""

import re

from hardmax.checks import plain

__all__ = ["INDENT", "WIDTH", "cut", "padded", "print_figures", "print_text"]

#: The columns of a terminal that output is made for.
WIDTH = 80

#: What the lines after the first one of a text or of figures begin with.
INDENT = "     "

#: Stands for a space that ends no line; no plain text has it.
KEPT = "\0"


def print_text(text: str) -> None:
    """Print a text, broken between words into lines of at most WIDTH columns of the terminal.

    A longer word, such as a path, is not broken.
    """
    _print(plain(text))


def print_figures(text: str) -> None:
    """Print figures with their names, broken only behind a comma or a colon."""
    _print(re.sub("(?<![,:]) ", KEPT, plain(text)))


def _print(text: str) -> None:
    from rich.cells import cell_len

    # textwrap would count characters, some of which take two columns.
    line = ""
    for spaces, word in re.findall("( *)([^ ]+)", text):
        longer = line + spaces + word.replace(KEPT, " ")
        if line and cell_len(longer) > WIDTH:
            print(line)
            longer = INDENT + word.replace(KEPT, " ")
        line = longer
    print(line)


def cut(text: str, width: int) -> str:
    """Return a text on one line, without its end if it takes more than ``width`` columns."""
    from rich.cells import cell_len, set_cell_size

    text = plain(text)
    return text if cell_len(text) <= width else set_cell_size(text, width - 3).rstrip() + "..."


def padded(text: str, width: int) -> str:
    """Return the same as ``cut``, padded to ``width`` columns of the terminal."""
    from rich.cells import set_cell_size

    return set_cell_size(cut(text, width), width)
