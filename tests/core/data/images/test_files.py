"""Image files of every format become bytes of the requested shape, or are rejected."""

import itertools
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import image_arrays, noise, to_pillow

from hardmax.data.images.files import read_image, strict_pillow
from hardmax.data.images.opening import TooLargeError
from hardmax.data.options import ReadingOptions
from hardmax.errors import DataError

EXIF_ORIENTATION = 0x0112
#: How a viewer displays the stored rows for each EXIF orientation (Exif 2.3, 4.6.4 A).
ORIENTED = {
    1: lambda rows: rows,
    2: np.fliplr,
    3: lambda rows: np.rot90(rows, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda rows: np.rot90(rows, -1),
    7: lambda rows: np.rot90(rows, 2).T,
    8: np.rot90,
}
Image.init()
FORMATS = [
    name for name in ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "AVIF") if name in Image.SAVE
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


def read(path, shape, **options):
    with strict_pillow():
        return read_image(path, shape, ReadingOptions(**options))


def rotated(orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return exif


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@given(image_arrays.filter(len), st.sampled_from(["PNG", "BMP", "TIFF", "PPM"]))
def test_an_image_of_the_requested_shape_is_unchanged(folder, images, file_format):
    to_pillow(images[0]).save(folder / "same", file_format)
    found, note = read(folder / "same", images[0].shape)
    assert (found.dtype, note) == (np.uint8, "")
    assert np.array_equal(found, images[0])


def test_color_becomes_grayscale_by_its_luma(tmp_path):
    colors = noise(4, 5, 3)
    Image.fromarray(colors).save(tmp_path / "a.png")
    found, note = read(tmp_path / "a.png", (4, 5, 1))
    np.testing.assert_allclose(found[:, :, 0], colors @ [0.299, 0.587, 0.114], atol=1)
    assert note == "4 x 5 RGB to 4 x 5 L"


def test_grayscale_becomes_three_equal_channels(tmp_path):
    Image.fromarray(noise(4, 5)).save(tmp_path / "a.png")
    found, note = read(str(tmp_path / "a.png"), (4, 5, 3))
    assert np.array_equal(found, noise(4, 5)[:, :, np.newaxis].repeat(3, axis=2))
    assert note == "4 x 5 L to 4 x 5 RGB"


def test_an_opaque_alpha_channel_changes_nothing(tmp_path):
    alpha = np.full((4, 5, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([noise(4, 5, 3), alpha], axis=2)).save(tmp_path / "a.png")
    found, note = read(tmp_path / "a.png", (4, 5, 3))
    assert np.array_equal(found, noise(4, 5, 3))
    assert "RGBA" in note


@pytest.mark.parametrize("options", [{}, {"transparency": 0}, {"transparency": b"\x00\xff\xff"}])
@pytest.mark.parametrize(("mode", "expected"), [(3, [[1, 2, 3], [200, 0, 9]]), (1, [[2], [61]])])
def test_palette_images_have_the_colors_of_their_palette(options, mode, expected, tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 1, 2, 3, 200, 0, 9])
    image.putdata([1, 2])
    image.save(tmp_path / "a.png", **options)
    found, _ = read(tmp_path / "a.png", (1, 2, mode))
    assert found[0].tolist() == expected


def test_one_bit_becomes_black_and_white(tmp_path):
    bits = noise(4, 9) > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    found, _ = read(tmp_path / "a.png", (4, 9, 1))
    assert np.array_equal(found[:, :, 0], bits * 255)


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_and_not_clipped(ending, tmp_path):
    deep = np.array([[0, 255, 257, 1000], [32768, 40000, 65000, 65535]], np.uint16)
    path = tmp_path / f"a.{ending}"
    if ending == "pgm":
        path.write_bytes(b"P5 4 2 65535\n" + deep.astype(">u2").tobytes())
    else:
        Image.fromarray(deep).save(path)
    found, note = read(path, (2, 4, 1))
    np.testing.assert_allclose(found[:, :, 0], deep / 257, atol=1)
    assert note.endswith("to 2 x 4 L")


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_pixels_of_unknown_range_are_rejected(dtype, tmp_path, refused):
    values = np.linspace(0, 1, 6).reshape(2, 3) * (1 if dtype == np.float32 else 10**6)
    Image.fromarray(values.astype(dtype)).save(tmp_path / "a.tif")
    with refused(DataError, tmp_path / "a.tif", "whose range is unknown"):
        read(tmp_path / "a.tif", (2, 3, 1))


@pytest.mark.parametrize("orientation", ORIENTED)
def test_a_photograph_is_rotated_by_its_exif_orientation(orientation, tmp_path):
    stored = np.zeros((16, 32), np.uint8)
    stored[:8, :16], stored[:8, 16:], stored[8:, :16] = 250, 160, 80
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=rotated(orientation), quality=95)
    shown = ORIENTED[orientation](stored)
    found, note = read(tmp_path / "a.jpg", (*shown.shape, 1))
    np.testing.assert_allclose(found[:, :, 0], shown, atol=4)
    assert note == ""


def test_invalid_entries_next_to_the_orientation_do_not_matter(tmp_path):
    """Cameras write them: here the image's width, as text."""
    entries = [(EXIF_ORIENTATION, 3, 1, b"\0\x06\0\0"), (0x0100, 2, 2, b"8\0\0\0")]
    exif = b"".join(struct.pack(">HHI", *entry[:3]) + entry[3] for entry in entries)
    header = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, len(entries))
    stored = np.zeros((8, 16), np.uint8)
    stored[:, :8] = 200
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=header + exif + bytes(4), quality=95)
    found, _ = read(tmp_path / "a.jpg", (16, 8, 1))
    np.testing.assert_allclose(found[:, :, 0], np.rot90(stored, -1), atol=4)


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_image_truncated_anywhere_is_rejected_or_still_complete(file_format, tmp_path, refused):
    path = tmp_path / "cut"
    Image.fromarray(noise(5, 4, 3)).save(path, file_format)
    data, whole = path.read_bytes(), read(path, (5, 4, 3))[0]
    for length in range(len(data)):
        path.write_bytes(data[:length])
        try:
            found, _ = read(path, (5, 4, 3))
        except Exception as error:
            is_larger = isinstance(error, TooLargeError)  # the byte is of its height or width
            with refused(TooLargeError if is_larger else DataError, path):
                read(path, (5, 4, 3))
        else:
            assert np.array_equal(found, whole)


@pytest.mark.filterwarnings("ignore")  # Pillow may warn about a file that it reads.
@pytest.mark.parametrize("file_format", FORMATS)
def test_an_image_with_a_damaged_byte_is_read_or_rejected(file_format, tmp_path, refused):
    path = tmp_path / "damaged"
    exif = {} if file_format in ("BMP", "GIF", "PPM") else {"exif": rotated(6)}
    Image.fromarray(noise(5, 4, 3)).save(path, file_format, **exif)
    data = path.read_bytes()
    for at, value in itertools.product(range(len(data)), (0, 255)):
        path.write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
        try:
            found, _ = read(path, (5, 4, 3))
        except Exception as error:
            is_larger = isinstance(error, TooLargeError)  # the byte is of its height or width
            with refused(TooLargeError if is_larger else DataError, path):
                read(path, (5, 4, 3))
        else:
            assert (found.shape, found.dtype) == ((5, 4, 3), np.uint8)


@pytest.mark.parametrize("side", [10_000, 20_000])  # by default, Pillow only warns of the smaller
def test_an_image_that_declares_a_huge_size_is_rejected_unread(side, tmp_path, refused):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(side)))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b""))
    with refused(TooLargeError, path, f"{side * side} pixels"):
        read(path, (8, 8, 1))


@pytest.mark.parametrize("data", [b"", b"a text\nof two lines\n", b"\0\0\x08\x01\0\0\0\x01a"])
def test_a_file_that_is_not_an_image_is_rejected(data, tmp_path, refused):
    (tmp_path / "a.png").write_bytes(data)
    with refused(DataError, f"{tmp_path / 'a.png'} is not a readable image"):
        read(tmp_path / "a.png", (8, 8, 1))


@pytest.mark.parametrize(("name", "expected"), [("a.png", "No such file"), ("", "it is a folder")])
def test_a_missing_file_or_a_folder_is_rejected(name, expected, tmp_path, refused):
    with refused(DataError, tmp_path / name, expected):
        read(tmp_path / name, (8, 8, 1))
