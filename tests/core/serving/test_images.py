"""Images of requests, compared with what hardmax reads from files."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFilter
from support import noise

import hardmax
from hardmax.data.images.files import read_image, strict_pillow
from hardmax.export.images import IMAGES
from hardmax.export.outputs import PROBABILITIES
from hardmax.serving.errors import RequestError
from hardmax.serving.images import pixels_of_array, pixels_of_file
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel

LIMITS = Limits()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge(side):
    """Return a PNG that declares many pixels and has few."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(side)))
    return b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def model(image_run):
    with strict_pillow():
        yield ServedModel.open(str(image_run), "clothes")


def smooth(height, width, channels):
    """Return an image in which a JPEG changes little."""
    pixels = Image.fromarray(noise(height, width, channels).squeeze())
    return pixels.filter(ImageFilter.GaussianBlur(3))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files with whatever hardmax has to convert, among them JPEGs decoded at a smaller scale."""
    folder = tmp_path_factory.mktemp("images")
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth(90, 120, 3).save(folder / "large.jpg")
    smooth(300, 200, 3).save(folder / "turned.jpg", exif=exif)
    smooth(90, 70, 1).save(folder / "gray.jpg")
    Image.fromarray(noise(6, 5, 3)).save(folder / "whole.png")
    Image.fromarray(noise(11, 9, 4)).save(folder / "clear.png")
    Image.fromarray(noise(9, 11, 3)).quantize(7).save(folder / "palette.gif")
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 150).save(folder / "16.png")
    Image.fromarray(noise(20, 3, 3)).save(folder / "narrow.webp", lossless=True)
    return sorted(folder.iterdir())


def test_a_file_in_memory_is_read_as_one_on_disk(files, model, image_run):
    found = [pixels_of_file(path.read_bytes(), path.name, model, LIMITS) for path in files]
    for path, pixels in zip(files, found, strict=True):
        expected, _ = read_image(path, model.run.input_shape, model.run.settings)
        np.testing.assert_array_equal(pixels, expected, err_msg=path.name)
    answers = model.compute({IMAGES: np.stack(found)})[PROBABILITIES]
    expected = hardmax.load(image_run).predict_proba(files)
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-6)
    assert len({*map(tuple, expected)}) == len(files)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(6, 5), (30, 12)])
def test_an_array_gets_the_answers_of_predict_proba(channels, size, model, image_run):
    images = noise(4, *size, channels)
    answers = model.compute({IMAGES: pixels_of_array(images, model, LIMITS)})[PROBABILITIES]
    expected = hardmax.load(image_run).predict_proba(images)
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-6)


def test_a_fourth_channel_is_opacity_as_in_a_file(tmp_path, model):
    images = noise(3, 14, 9, 4)
    found = pixels_of_array(images, model, LIMITS)
    for image, pixels in zip(images, found, strict=True):
        Image.fromarray(image).save(tmp_path / "clear.png")
        expected, _ = read_image(tmp_path / "clear.png", model.run.input_shape, model.run.settings)
        np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("side", [7_000, 7_072, 10_000, 30_000, 70_000])
def test_an_image_that_declares_too_many_pixels_is_too_large(side, model):
    with pytest.raises(RequestError, match=r"a\.png") as caught:
        pixels_of_file(huge(side), "a.png", model, LIMITS)
    # The smallest is allowed, but it is damaged.
    assert caught.value.status == (400 if side == 7_000 else 413)


def test_the_limit_of_pixels_is_that_of_the_server(files, model):
    (path,) = (path for path in files if path.name == "palette.gif")
    content = path.read_bytes()
    assert pixels_of_file(content, "a.gif", model, Limits(pixels=99)).shape == (6, 5, 3)
    for function, image in ((pixels_of_file, content), (pixels_of_array, noise(1, 9, 11, 3))):
        name = ("a.gif",) if function is pixels_of_file else ()
        with pytest.raises(RequestError, match="9 x 11") as caught:
            function(image, *name, model, Limits(pixels=98))
        assert caught.value.status == 413


@pytest.mark.parametrize("content", [b"", b"no image", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a\1"])
def test_a_file_that_is_no_image_is_refused_by_name(content, model):
    with pytest.raises(RequestError, match="photo 1 is not a readable image") as caught:
        pixels_of_file(content, "photo 1", model, LIMITS)
    assert caught.value.status == 400


def test_a_file_that_is_cut_off_is_refused(files, model):
    for path in files:
        content = path.read_bytes()
        with pytest.raises(RequestError, match="not a readable image") as caught:
            pixels_of_file(content[: len(content) // 2], path.name, model, LIMITS)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("images", "status"),
    [
        (noise(1, 6, 5, 2), 400),
        (noise(6, 5, 3), 400),
        (noise(1, 6, 5, 3).astype(float), 400),
        (noise(0, 6, 5, 3), 400),
        (noise(1, 0, 5, 3), 400),
        (noise(3, 6, 5, 3), 413),
        (np.broadcast_to(np.uint8(0), (1, 1, 65_536, 3)), 413),
    ],
)
def test_an_array_of_another_shape_is_refused(images, status, model):
    with pytest.raises(RequestError) as caught:
        pixels_of_array(images, model, Limits(rows=2))
    assert caught.value.status == status


def test_a_model_of_tables_takes_no_images(table_run, files):
    model = ServedModel.open(str(table_run), "visits")
    with pytest.raises(RequestError, match="visits classifies the rows of a table"):
        pixels_of_file(files[0].read_bytes(), "a.png", model, LIMITS)
    with pytest.raises(RequestError, match="visits classifies the rows of a table"):
        pixels_of_array(noise(1, 6, 5, 3), model, LIMITS)
