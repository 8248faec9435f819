"""The values that the texts of options for reading data stand for."""

import contextlib

from hardmax.errors import ArgumentError

__all__ = ["Color", "cell_texts", "check_encoding", "color", "fraction_or_source", "sides"]

#: Red, green and blue, from 0 to 255.
Color = tuple[int, int, int]


def sides(text: str) -> tuple[int, int]:
    """Return (height, width) parsed from ``24x32``, or from ``32`` for a square.

    Raises ArgumentError for any other text.
    """
    numbers = text.split("x")
    if len(numbers) > 2 or not all(side.isascii() and side.isdigit() for side in numbers):
        raise ArgumentError(
            f"--size must be one integer or HEIGHTxWIDTH, such as 32 or 24x32, got {text!r}"
        )
    return int(numbers[0]), int(numbers[-1])


def color(text: str) -> Color:
    """Return the color with a name, such as ``white``, or written as ``#ff8000``.

    Raises ArgumentError for any other text.
    """
    from PIL import ImageColor

    with contextlib.suppress(ValueError):
        rgb = ImageColor.getrgb(text)
        if len(rgb) == 3:  # four with an alpha channel
            return rgb
    raise ArgumentError(
        f"background must be the name of a color, such as white, or one like #ff8000, got {text!r}"
    )


def fraction_or_source(text: str) -> float | str:
    """Return the text as a float if it is a number, otherwise unchanged."""
    try:
        return float(text)
    except ValueError:
        return text


def cell_texts(text: str) -> tuple[str, ...]:
    """Return the texts in a list separated by commas, without surrounding blanks."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def check_encoding(name: str) -> None:
    """Raise ArgumentError unless Python has a text encoding with this name."""
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise ArgumentError(
            f"unknown encoding {name!r}; use the name of one that Python knows, such as gbk, "
            "shift_jis or windows-1251"
        ) from None
