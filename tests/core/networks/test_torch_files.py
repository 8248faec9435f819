"""Files that PyTorch saved: what is no tensor is refused, and nothing is executed.

tests/torch/test_torch_files.py reads files that PyTorch writes.
"""

import os
import pickle

import pytest

from hardmax.errors import DataError
from hardmax.networks.torch_files import MAGIC, VERSION, read_torch_file


class Command:
    """An object whose pickle runs a command when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def pickles(*values):
    return b"".join(pickle.dumps(value, protocol=2) for value in values)


@pytest.mark.parametrize("place", range(5))
def test_a_pickle_that_would_execute_is_refused(place, tmp_path, refused):
    values = [MAGIC, VERSION, {}, {}, []]
    values[place] = Command(tmp_path / "made")
    with refused(DataError, "weights.pth", f"it would execute {os.mkdir.__module__}.mkdir"):
        read_torch_file(pickles(*values), "weights.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"weights",
        pickles(1, 2, 3, 4, 5),
        pickles(MAGIC, VERSION, {}, 3, []),
        pickles(MAGIC, VERSION, {}, {"weight": 3}, []),
        pickles(MAGIC, VERSION, {}, {}, ["0"]),
        pickles(MAGIC, VERSION + 1, {}, {}, []),
        b"PK\3\4" + bytes(100),
    ],
)
def test_other_files_are_refused(content, refused):
    with refused(DataError, "weights.pth is not a file of weights", "safetensors"):
        read_torch_file(content, "weights.pth")


def test_a_file_without_tensors_is_read():
    assert read_torch_file(pickles(MAGIC, VERSION, {}, {}, []), "weights.pth") == {}
