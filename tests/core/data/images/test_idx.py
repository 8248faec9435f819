"""IDX files are read as written, and anything else is rejected."""

import gzip
import io
import os
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from support import peak_memory

from hardmax.data.images.idx import open_idx
from hardmax.data.images.idx_folder import read_idx_folder
from hardmax.data.images.opening import TooLargeError
from hardmax.errors import DataError

TYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]
any_array = st.sampled_from(TYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5))
)


def read_idx(path):
    with open_idx(path) as opened:
        return opened.read()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@pytest.fixture(params=["a-ubyte", "a-ubyte.gz"])
def path(request, tmp_path):
    return tmp_path / request.param


def header(code, *shape):
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)


@given(array=any_array, name=st.sampled_from(["plain", "compressed.gz"]))
def test_every_type_and_shape_is_read_bit_for_bit(array, name, folder, write_idx):
    write_idx(folder / name, array)
    found = read_idx(folder / name)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.dtype.isnative
    assert found.tobytes() == array.tobytes()


def test_numbers_are_big_endian(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\0\x0b\x01\0\0\0\x02" + b"\x01\x02" + b"\xff\xfe")
    assert read_idx(tmp_path / "a").tolist() == [258, -2]


def test_compression_is_detected_by_the_contents_and_not_the_name(tmp_path, write_idx):
    write_idx(tmp_path / "a.gz", np.arange(5, dtype="u1"))
    (tmp_path / "a.gz").rename(tmp_path / "compressed-ubyte")
    write_idx(tmp_path / "a", np.arange(6, dtype="u1"))
    (tmp_path / "a").rename(tmp_path / "plain.gz")
    assert read_idx(tmp_path / "compressed-ubyte").tolist() == [0, 1, 2, 3, 4]
    assert read_idx(str(tmp_path / "plain.gz")).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("dtype", TYPES)
def test_a_file_truncated_anywhere_is_rejected(dtype, path, write_idx, refused):
    write_idx(path, np.arange(6).reshape(2, 3).astype(dtype))
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with refused(DataError, path):
            read_idx(path)


@given(array=any_array.filter(np.size), extra=st.binary(min_size=1, max_size=20))
def test_a_file_that_is_too_long_is_rejected(array, extra, folder, write_idx, refused):
    path = folder / "long"
    write_idx(path, array)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + extra)
    with refused(DataError, path, size, size + len(extra)):
        read_idx(path)


# The two examples: a header may declare more or larger dimensions than NumPy allows.
@given(array=any_array, at=st.integers(0, 23), value=st.integers(0, 255))
@example(array=np.zeros(1016, "u1"), at=3, value=255)
@example(array=np.zeros((0, 2**24, 2**24, 2**8), "u1"), at=8, value=255)
def test_a_changed_header_gives_an_array_or_an_error(array, at, value, folder, write_idx, refused):
    path = folder / "changed"
    write_idx(path, array)
    data = bytearray(path.read_bytes())
    data[min(at, 3 + 4 * array.ndim)] = value
    path.write_bytes(data)
    try:
        found = read_idx(path)
    except Exception:
        with refused(DataError, path):
            read_idx(path)
    else:
        # The array accounts for every byte of the file.
        assert 4 + 4 * found.ndim + found.nbytes == len(data)


@given(data=st.binary(max_size=60))
def test_any_bytes_give_an_array_or_an_error(data, folder, refused):
    path = folder / "any"
    for start in (b"", b"\0\0", b"\x1f\x8b", header(0x08, 1)[:4]):
        path.write_bytes(start + data)
        try:
            assert isinstance(read_idx(path), np.ndarray)
        except Exception:
            with refused(DataError, path):
                read_idx(path)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "two zero bytes"),
        (b"\0\0\x08", "two zero bytes"),
        (b"\x89PNG\r\n\x1a\n", "89 50 4e 47"),
        (b"\1\0\x08\x01\0\0\0\x01a", "01 00 08 01"),
        (header(0x0A, 1) + b"a", "0x0a"),
        (header(0x08, 2, 3)[:-1], "2 dimensions"),
        (header(0x08, 2, 3) + bytes(5), "(2, 3)"),
        (header(0x0E, 2**32 - 1), str(8 + 8 * (2**32 - 1))),
        (header(0x08, *[1] * 200) + b"a", "200"),
        (header(0x08, 0, *[2**32 - 1] * 3), "4294967295"),
    ],
)
def test_the_error_for_other_files_shows_what_was_found(data, expected, path, refused):
    path.write_bytes(gzip.compress(data) if path.suffix else data)
    with refused(DataError, path, expected):
        read_idx(path)


@pytest.mark.parametrize("at", [3, 12, -8, -6, -3])
def test_a_damaged_gzip_file_is_rejected(at, tmp_path, write_idx, refused):
    """Damage to the header, to the compressed bytes, to the checksum and to the length."""
    path = tmp_path / "a.gz"
    write_idx(path, np.arange(200, dtype="u1"))
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)
    with refused(DataError, path):
        read_idx(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("missing", "No such file"), ("", "it is a folder"), ("x" * 300, "File name too long")],
)
def test_a_file_that_cannot_be_opened_is_named(name, expected, tmp_path, refused):
    with refused(DataError, tmp_path / name, expected):
        read_idx(tmp_path / name)


def test_a_path_below_a_file_is_named(tmp_path, refused):
    (tmp_path / "file").touch()
    with refused(DataError, tmp_path / "file" / "below", "Not a directory"):
        read_idx(tmp_path / "file" / "below")


def zeros(count, start=b""):
    """Return the gzip of ``start`` and zeros, compressed piece by piece."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(start)
        for _ in range(count // 10**6):
            file.write(bytes(10**6))
    return packed.getvalue()


def test_reading_stops_behind_the_size_that_the_header_declares(tmp_path, refused):
    path = tmp_path / "a.gz"
    path.write_bytes(zeros(100 * 10**6, header(0x08, 10, 10)))

    def read():
        with refused(DataError, path, "needs 112 bytes, got more"):
            read_idx(path)

    assert peak_memory(read) < 10**6


def test_no_more_is_allocated_than_gzip_can_hold(tmp_path, refused):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(header(0x0E, 2**20, 2**10)))

    def read():
        with refused(DataError, path, "needs 8589934604 bytes", "compressed bytes"):
            read_idx(path)

    assert peak_memory(read) < 10**6


@pytest.mark.parametrize("kind", ["name", "parts"])
def test_gzip_of_many_small_parts_is_given_up(kind, tmp_path, refused):
    data = header(0x08, 4) + bytes(4)
    path = tmp_path / "a.gz"
    if kind == "name":
        packed = gzip.compress(data)
        path.write_bytes(packed[:3] + b"\x08" + packed[4:10] + b"n" * 10**6 + b"\0" + packed[10:])
    else:
        path.write_bytes(gzip.compress(data) + gzip.compress(b"") * 10**5)
    with refused(DataError, path, "too many comments or other parts"):
        read_idx(path)


def test_gzip_in_blocks_is_read(tmp_path):
    """As bgzip writes it, which other programs can read from the middle."""
    data = header(0x08, 5000, 400) + np.random.default_rng(0).bytes(2 * 10**6)
    blocks = [gzip.compress(data[at : at + 65_000]) for at in range(0, len(data), 65_000)]
    (tmp_path / "a.gz").write_bytes(b"".join(blocks))
    assert read_idx(tmp_path / "a.gz").tobytes() == data[12:]


def test_an_array_is_decompressed_into_its_own_memory(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(zeros(20 * 10**6, header(0x08, 20, 1000, 1000)))
    assert peak_memory(lambda: read_idx(path)) < 25 * 10**6


@pytest.mark.parametrize(
    ("images", "labels", "error", "expected"),
    [
        ((100, 1000, 1000), (99,), DataError, ["100 images and 99 labels"]),
        ((100, 1000, 1000), (100, 1), DataError, ["labels must be integers of shape", "(100, 1)"]),
        ((100, 10**6), (100,), DataError, ["images must be uint8 of shape", "(100, 1000000)"]),
        ((1, 10_000, 10_000), (1,), TooLargeError, ["100000000 pixels"]),
    ],
)
def test_headers_of_images_and_labels_are_compared_before_the_pixels_are_read(
    images, labels, error, expected, tmp_path, make_idx_folder, refused
):
    folder = make_idx_folder(tmp_path / "data")
    pixels = zeros(100 * 10**6, header(0x08, *images))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(pixels)
    numbers = gzip.compress(header(0x08, *labels) + bytes(labels[0]))
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(numbers)

    def read():
        with refused(error, folder / "train-", *expected):
            read_idx_folder(folder, "data")

    assert peak_memory(read) < 10**6


def test_a_float_or_signed_file_is_not_of_images(tmp_path, make_idx_folder, write_idx, refused):
    folder = make_idx_folder(tmp_path / "data")
    for dtype in ("f4", "i1"):
        write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((40, 6, 6), dtype))
        with refused(DataError, folder / "t10k-images", "images must be uint8"):
            read_idx_folder(folder, "data")


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_a_named_pipe_or_a_device_is_refused_by_name(name, tmp_path, make_idx_folder, refused):
    folder = make_idx_folder(tmp_path / "data")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with refused(DataError, folder / name, "not a regular file"):
        read_idx_folder(folder, "data")
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with refused(DataError, folder / name, "not a regular file"):
        read_idx_folder(folder, "data")
