"""Escaping of untrusted names."""

import pytest

from hardmax.checks import is_plain, listed, plain, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\ud800p\udcff.png", r"\ud800p\udcff.png"),
        ("\u2028\x9b\0", r"\u2028\x9b\x00"),
    ],
)
def test_special_characters_are_escaped(text, shown):
    assert not is_plain(text)
    assert plain(text) == shown
    assert is_plain(shown)


@pytest.mark.parametrize(
    "text", ["", "ankle boot", "größer", "کتاب‌ها", "鞋", "👩‍🚀", "a\\b'\"", "a\xa0b"]
)
def test_plain_text_is_unchanged(text):
    assert is_plain(text)
    assert plain(text) == text


def test_lists_and_names_in_messages_are_short():
    assert listed("abcde") == "a, b, c, d, e"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"
    assert shortened("x" * 80) == "x" * 80
    assert shortened("a" * 5000 + "b" * 5000) == "a" * 38 + "..." + "b" * 38
    assert listed(["a" * 5000 + "b" * 5000]) == "a" * 38 + "..." + "b" * 38
