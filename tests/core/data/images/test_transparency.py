"""Transparent images are laid over a background, the same wherever they are read."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from support import noise, save

from hardmax.data.images.files import read_image
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.survey import survey
from hardmax.errors import ArgumentError

BLACK, ORANGE = (0, 0, 0), (255, 128, 0)
ALPHA = np.array([[0, 255, 128, 77]], np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))


def over_color(background):
    return Reading(background="#{:02x}{:02x}{:02x}".format(*background))


def over(pixels, alpha, background):
    """Return color pixels over a background, by the definition of alpha, as floats."""
    share = alpha[..., np.newaxis] / 255
    return pixels * share + np.array(background) * (1 - share)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, depth, color_type, row, clear):
    """Return a PNG file of one row, one value of which is transparent."""
    header = struct.pack(">IIBBBBB", width, 1, depth, color_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tRNS", clear), (b"IDAT", zlib.compress(b"\0" + row))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in [*chunks, (b"IEND", b"")])


@pytest.mark.parametrize("background", [(255, 255, 255), BLACK, ORANGE])
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "TGA", "WEBP"])
def test_color_with_alpha_is_laid_over_the_background(file_format, background, tmp_path):
    colors = noise(1, 4, 3)
    image = Image.fromarray(np.dstack([colors, ALPHA]))
    image.save(tmp_path / "a", file_format, **({"lossless": True} if file_format == "WEBP" else {}))
    found, note = read_image(tmp_path / "a", (1, 4, 3), over_color(background))
    np.testing.assert_allclose(found, over(colors, ALPHA, background), atol=1)
    assert np.array_equal(found[0, :2], [background, colors[0, 1]])
    assert note == "1 x 4 RGBA to 1 x 4 RGB"


@pytest.mark.parametrize("background", [(255, 255, 255), BLACK, ORANGE])
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "TGA", "JPEG2000"])
def test_grayscale_with_alpha_is_laid_over_the_background(file_format, background, tmp_path):
    gray = noise(1, 4)
    Image.fromarray(np.dstack([gray, ALPHA])).save(tmp_path / "a", file_format)
    found, _ = read_image(tmp_path / "a", (1, 4, 3), over_color(background))
    np.testing.assert_allclose(found, over(gray[..., np.newaxis], ALPHA, background), atol=1)


@pytest.mark.parametrize("background", [(255, 255, 255), BLACK, ORANGE])
@pytest.mark.parametrize(
    ("file_format", "alphas"), [("PNG", [0, 255, 128]), ("GIF", [0, 255, 255])]
)
def test_a_palette_may_have_transparent_colors(file_format, alphas, background, tmp_path):
    colors = np.array([[[10, 20, 30], [200, 0, 9], [40, 50, 60]]], np.uint8)
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette(colors.tobytes())
    clear = bytes(alphas) if file_format == "PNG" else 0
    image.save(tmp_path / "a", file_format, transparency=clear)
    found, _ = read_image(tmp_path / "a", (1, 3, 3), over_color(background))
    np.testing.assert_allclose(found, over(colors, np.array([alphas]), background), atol=1)


@pytest.mark.parametrize("background", [(255, 255, 255), BLACK, ORANGE])
@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (png(2, 1, 0, b"\x80", b"\0\1"), [None, 0]),
        (png(2, 1, 0, b"\x80", b"\0\0"), [255, None]),
        (png(2, 8, 0, b"\x09\x0a", b"\0\x09"), [None, 10]),
        (png(2, 16, 0, struct.pack(">2H", 2570, 2571), struct.pack(">H", 2571)), [10, None]),
        (png(2, 8, 2, bytes([1, 2, 3, 9, 9, 9]), struct.pack(">3H", 1, 2, 3)), [None, 9]),
    ],
)
def test_one_value_of_a_png_may_be_transparent(data, shown, background, tmp_path):
    (tmp_path / "a.png").write_bytes(data)
    found, _ = read_image(tmp_path / "a.png", (1, 2, 3), over_color(background))
    assert found[0].tolist() == [[*background] if one is None else [one] * 3 for one in shown]


def make_icons(folder):
    """Write black shapes on transparent ground, whose hidden pixels are black, white or red."""
    for label, shape in {"bar": np.s_[:, 3:5], "row": np.s_[3:5, :]}.items():
        for i in range(6):
            alpha = np.zeros((8, 8), np.uint8)
            alpha[shape] = 255
            hidden = [(0, 0, 0), (255, 255, 255), (255, 0, 0)][i % 3]
            pixels = np.full((8, 8, 4), (*hidden, 0), np.uint8)
            pixels[alpha > 0] = (0, 0, 0, 255)
            save(folder / label / f"{i}.png", pixels)
    return str(folder)


def test_a_folder_is_read_over_the_background_set_and_cached_for_each(tmp_path):
    source = make_icons(tmp_path / "icons")
    white, black = (load(source, Reading(whole=True, background=one)) for one in (None, "#000"))
    for data, color in ((white, "white"), (black, "#000")):
        assert f"12 images have transparent pixels, which show {color}" in data.notices[1]
    assert white.fingerprint == load(source, Reading(whole=True, background="white")).fingerprint
    assert (white.train.images[0, 0, :, 0].tolist()) == [255] * 3 + [0] * 2 + [255] * 3
    assert len({image.tobytes() for image in white.train.images}) == 2
    assert not black.train.images.any()
    assert load(source, Reading(whole=True)).fingerprint == white.fingerprint


def test_a_survey_compares_images_as_training_sees_them(tmp_path):
    found = survey(make_icons(tmp_path / "icons"))
    assert [len(group) for group in found.same] == [6, 6]
    assert found.sizes == {(8, 8, 3): 12}


@pytest.mark.parametrize(
    ("mode", "background", "channels"),
    [("LA", None, 1), ("LA", "gray", 1), ("LA", "orange", 3), ("L", "orange", 1), ("P", "red", 3)],
)
def test_grayscale_images_are_color_only_over_a_color(mode, background, channels, tmp_path):
    for label in "ab":
        path = tmp_path / f"data/{label}/1.png"
        path.parent.mkdir(parents=True)
        if mode == "P":
            Image.fromarray(noise(4, 4)).convert("P").save(path, transparency=3)
        else:
            Image.fromarray(noise(4, 4)).convert(mode).save(path)
    data = load(str(tmp_path / "data"), Reading(whole=True, background=background))
    assert data.shape == (4, 4, channels)


def test_an_opaque_alpha_channel_is_not_told(tmp_path):
    for label in "ab":
        save(tmp_path / "data" / label / "1.png", np.full((2, 2, 4), 255, np.uint8))
    assert len(load(str(tmp_path / "data"), Reading(whole=True)).notices) == 1


@pytest.mark.parametrize("text", ["", "whitish", "#12345", "#11223344", "rgb(1,2)", "x" * 200])
def test_other_backgrounds_are_rejected(text, refused):
    with refused(ArgumentError, "background must be the name of a color"):
        Reading(background=text)
