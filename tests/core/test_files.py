"""Reading regular files only."""

import os

import pytest

from hardmax.errors import DataError
from hardmax.files import open_regular


def test_a_regular_file_is_opened(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with open_regular(path, max_bytes=3) as file:
        assert file.read() == b"abc"
    link = tmp_path / "link"
    link.symlink_to(path)
    with open_regular(link) as file:
        assert file.read() == b"abc"


def test_a_file_may_be_too_large(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2**40)  # a sparse file, which takes no space
    with pytest.raises(DataError, match="has 1099511627776 bytes; at most 100 are allowed"):
        open_regular(path, max_bytes=100)


def test_other_files_are_named_and_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, reason in (
        (pipe, "it is not a regular file"),
        ("/dev/zero", "it is not a regular file"),
        (tmp_path, "it is a folder"),
        (tmp_path / "none", "No such file or directory"),
    ):
        with pytest.raises(DataError) as caught:
            open_regular(path)
        assert str(caught.value) == f"cannot read {path}: {reason}"
