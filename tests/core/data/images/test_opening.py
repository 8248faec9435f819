"""Images of Pillow's formats are opened, within bounds; nothing else is read or waited for."""

import os
import resource
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import noise, save

from hardmax.data.images.files import read_image
from hardmax.data.images.opening import MAX_BYTES, TooLargeError, image_extensions
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.errors import DataError

#: Formats that Pillow writes and reads without loss, by the extension of their files.
WRITTEN = {
    ".bmp": "BMP", ".dds": "DDS", ".dib": "DIB", ".icns": "ICNS", ".ico": "ICO",
    ".j2k": "JPEG2000", ".jp2": "JPEG2000", ".pcx": "PCX", ".png": "PNG", ".apng": "PNG",
    ".ppm": "PPM", ".qoi": "QOI", ".sgi": "SGI", ".rgb": "SGI", ".tga": "TGA", ".tiff": "TIFF",
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(height, width, *chunks):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join([header, *chunks, chunk(b"IEND", b"")])


@pytest.mark.parametrize("extension", WRITTEN)
def test_every_format_of_pillow_is_found_by_its_extension_and_read(extension, tmp_path):
    colors = noise(16, 16, 3)
    for label in "ab":
        save(tmp_path / f"data/{label}/1{extension}", colors, format=WRITTEN[extension])
    if extension == ".icns":  # these have several sizes, of which the largest is read
        assert read_image(tmp_path / "data/a/1.icns", (16, 16, 3), Reading())[0].shape == (
            16,
            16,
            3,
        )
        return
    data = load(str(tmp_path / "data"), Reading(whole=True))
    assert np.array_equal(data.train.images, [colors, colors])


def test_formats_that_start_other_programs_or_have_no_pixels_are_not_image_files():
    found = {*image_extensions()}
    assert {".psd", ".cur", ".avif", ".webp", ".jpg", ".gif", ".xpm"} <= found
    assert not found & {".eps", ".ps", ".pdf", ".wmf", ".emf", ".mpg", ".h5", ".grib", ".iim"}


def test_an_eps_file_with_the_name_of_a_png_does_not_start_ghostscript(
    tmp_path, monkeypatch, refused
):
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    Image.fromarray(noise(4, 4, 3)).save(tmp_path / "a.png", "EPS")
    with refused(DataError, tmp_path / "a.png", "unknown format"):
        read_image(tmp_path / "a.png", (4, 4, 3), Reading())
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    "size", [(80_000_000, 1), (1, 65_536), (9460, 9460), (2**31 - 1, 2**31 - 1)]
)
def test_an_image_that_declares_too_many_pixels_is_not_decoded(size, tmp_path, refused):
    (tmp_path / "a.png").write_bytes(png(*size, chunk(b"IDAT", zlib.compress(bytes(10**6)))))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with refused(TooLargeError, tmp_path / "a.png", "pixels"):
        read_image(tmp_path / "a.png", (8, 8, 1), Reading())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize("shape", [(65_535, 1), (1, 65_535), (300, 4000)])
def test_long_and_large_images_within_the_limits_are_read(shape, tmp_path):
    save(tmp_path / "a.png", noise(*shape))
    assert np.array_equal(
        read_image(tmp_path / "a.png", (*shape, 1), Reading())[0][:, :, 0], noise(*shape)
    )


COMMENTED = {
    "pgm": b"P5\n#" + b"x" * 10**6 + b"\n4 4\n255\n" + bytes(16),
    "pgm numbers": b"P5\n" + b"0" * 10**6 + b"4 4\n255\n" + bytes(16),
    "jpg": b"\xff\xd8" + b"\xff\xfe\0\x03c" * 10**6,
    "png": png(4, 4, chunk(b"tEXt", b"a\0b") * 10**5, chunk(b"IDAT", zlib.compress(bytes(20)))),
    "png pixels": png(
        4, 4, chunk(b"IDAT", b"") * 300_000, chunk(b"IDAT", zlib.compress(bytes(20)))
    ),
    "gif": b"GIF89a\4\0\4\0\0\0\0\x21\xfe" + (b"\xff" + b"c" * 255) * 10**5 + b"\0",
    "im": b"Image type: L\r\n" + b"Name: y\r\n" * 10**5,
    "xpm": b"/* XPM */\n" + b"x\n" * 10**6,
}


@pytest.mark.parametrize("kind", COMMENTED)
def test_a_header_of_many_small_parts_is_given_up(kind, tmp_path, refused):
    (tmp_path / "a").write_bytes(COMMENTED[kind])
    with refused(DataError, tmp_path / "a", "not a readable image"):
        read_image(tmp_path / "a", (4, 4, 1), Reading())


def test_comments_of_ordinary_length_are_read(tmp_path):
    (tmp_path / "a.pgm").write_bytes(
        b"P5\n#" + b"x" * 9000 + b"\n4 4\n255\n" + noise(4, 4).tobytes()
    )
    assert np.array_equal(
        read_image(tmp_path / "a.pgm", (4, 4, 1), Reading())[0][:, :, 0], noise(4, 4)
    )


def test_a_file_that_is_too_large_is_not_read(tmp_path, refused):
    save(tmp_path / "a.png", noise(4, 4))
    os.truncate(tmp_path / "a.png", MAX_BYTES + 1)
    with refused(DataError, tmp_path / "a.png", f"at most {MAX_BYTES}"):
        read_image(tmp_path / "a.png", (4, 4, 1), Reading())


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def make_device(path):
    path.symlink_to("/dev/zero")


SPECIAL = [make_pipe, make_socket, make_device]


@pytest.fixture
def near(tmp_path, monkeypatch):
    """The working folder; the path of a socket must be short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("make", SPECIAL)
def test_what_is_no_regular_file_is_refused_by_name_without_waiting(make, near, refused):
    make(Path("a.png"))
    with refused(DataError, "cannot read a.png"):
        read_image("a.png", (4, 4, 1), Reading())


@pytest.mark.parametrize("make", SPECIAL)
def test_a_folder_may_have_members_that_are_no_regular_files(make, near, refused):
    for label in "ab":
        for i in range(2):
            save(near / f"data/{label}/{i}.png", noise(4, 4, seed=i))
    make(Path("data/a/0.jpg"))
    with refused(DataError, "1 of 5 images cannot be read: a/0.jpg"):
        load("data")
    assert len(load("data", Reading(skip_bad=True, whole=True)).train) == 4
