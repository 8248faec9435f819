"""The headers of an .npz file are checked before any array is read."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from support import peak_memory

from hardmax.data.load import load
from hardmax.errors import DataError

COUNT = 30
LABELS = np.arange(COUNT, dtype=np.uint8) % 3


def npy(array):
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


def header(text, size=0):
    """Return a .npy file with this header, and zeros as data."""
    data = text.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(data)) + data + bytes(size)


def described(descr, shape, size=0):
    return header(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}", size)


IMAGES = npy(np.zeros((COUNT, 4, 5), np.uint8))


def write(path, method=zipfile.ZIP_DEFLATED, **members):
    """Write an archive; a member of None is 100 MB of zeros behind a header that declares them."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                if data is not None:
                    file.write(data)
                    continue
                file.write(described("|u1", (100, 1000, 1000)))
                for _ in range(100):
                    file.write(bytes(10**6))
    return str(path)


def test_arrays_that_are_not_used_are_not_read(tmp_path):
    members = {"X": IMAGES, "y": npy(LABELS), "extra": None, "objects": b"no array"}
    path = write(tmp_path / "mine.npz", **members)
    assert peak_memory(lambda: load(path)) < 3 * 10**6


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"X": None, "y": npy(LABELS)}, ["X and y", "100 images and 30 labels"]),
        ({"X": IMAGES, "y": None}, ["y must be integers or strings", "(100, 1000, 1000)"]),
        ({"X": IMAGES, "y": npy(LABELS), "X_test": None, "y_test": npy(LABELS)}, ["X_test"]),
    ],
)
def test_headers_are_compared_before_any_array_is_read(members, expected, tmp_path, refused):
    path = write(tmp_path / "mine.npz", **members)

    def read():
        with refused(DataError, path, *expected):
            load(path)

    assert peak_memory(read) < 3 * 10**6


NESTED = "{'descr': " + "(" * 3000 + ")" * 3000 + ", 'fortran_order': False, 'shape': (30,)}"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (header(NESTED), []),
        (header("[" * 5000), []),
        (header("{'descr': '<i8', 'fortran_order': False, 'shape': ((((30,"), []),
        (header("{'a': 1} " * 10), []),
        (header("x" * 60_000), []),
        (header("9" * 5000), []),
        (described("|u1", (-30,)), ["damaged"]),
        (described("|u1", (2**70,)), ["damaged"]),
        (described("|u1", (COUNT,), COUNT + 1), ["damaged", "needs 97 bytes, got 98"]),
        (described("|u1", (COUNT,), COUNT - 1), ["damaged"]),
        (described("<U1001", (COUNT,), COUNT * 4004), ["at most 1000 characters", "<U1001"]),
        (described("<U500000000", (COUNT,)), ["damaged"]),
        (described("|O", (COUNT,)), ["objects"]),
        (described([("a", "|u1")], (COUNT,), COUNT), ["must be integers or strings"]),
        (described("|S4", (COUNT,), 4 * COUNT), ["must be integers or strings", "S4"]),
        (b"\x93NUMPY\3\0" + described("|u1", (COUNT,), COUNT)[8:], ["objects or records"]),
        (b"\x93NUMPY\x09\0" + bytes(100), []),
        (b"", []),
    ],
)
def test_a_header_of_anything_else_than_labels_is_refused(labels, expected, tmp_path, refused):
    path = write(tmp_path / "mine.npz", X=IMAGES, y=labels)
    with refused(DataError, path, *expected):
        load(path)


def test_a_file_that_python_2_wrote_is_read_without_a_warning(tmp_path):
    text = "{'descr': '<u1', 'fortran_order': False, 'shape': (30L,)}"
    path = write(tmp_path / "mine.npz", X=IMAGES, y=header(text) + LABELS.tobytes())
    assert load(path).classes == ("0", "1", "2")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_numpy_does_not_write_are_refused(method, tmp_path, refused):
    path = write(tmp_path / "mine.npz", method, X=IMAGES, y=npy(LABELS))
    with refused(DataError, path, "compressed by an unknown method"):
        load(path)


def patch_directory(path, at, value):
    """Change bytes in the archive's entry of the last member."""
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2")
    data[entry + at : entry + at + len(value)] = value
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (8, b"\1\0"),  # encrypted
        (10, b"\x63\0"),  # an unknown method
        (24, struct.pack("<I", 2**31)),  # another size
        (24, struct.pack("<I", 5)),
        (42, struct.pack("<I", 2**31)),  # another place
    ],
)
def test_an_entry_that_is_encrypted_or_wrong_is_refused(at, value, tmp_path, refused):
    path = tmp_path / "mine.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", IMAGES)
        archive.writestr("y.npy", npy(LABELS))
    patch_directory(path, at, value)
    with refused(DataError, path):
        load(str(path))


def test_a_named_pipe_or_a_device_is_refused_by_name(tmp_path, refused):
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "device.npz").symlink_to("/dev/zero")
    for name in ("pipe.npz", "device.npz"):
        with refused(DataError, tmp_path / name, "not a regular file"):
            load(str(tmp_path / name))
