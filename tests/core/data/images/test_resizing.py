"""Images are resized as by Pillow's own functions, whatever their shape."""

import numpy as np
import pytest
from hypothesis import given
from PIL import Image, ImageOps
from support import image_arrays, noise, sides, to_pillow

from hardmax.data.images.files import read_image
from hardmax.data.images.resizing import has_other_ratio, resize
from hardmax.data.options import RESIZES, ReadingOptions
from hardmax.errors import ArgumentError

ORANGE = (255, 128, 0)
BILINEAR = Image.Resampling.BILINEAR


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


def padded_by_pillow(image, size):
    color = ORANGE if image.mode == "RGB" else Image.new("RGB", (1, 1), ORANGE).convert("L")
    if image.mode == "L":
        color = color.getpixel((0, 0))
    found = ImageOps.pad(image, size, BILINEAR, color)
    # Pillow leaves out an image of which less than half a pixel remains.
    contained = ImageOps.contain(image, size, BILINEAR)
    return None if min(contained.size) < 1 else found


BY_PILLOW = {
    "crop": lambda image, size: ImageOps.fit(image, size, BILINEAR),
    "pad": padded_by_pillow,
    "squash": lambda image, size: image.resize(size, BILINEAR),
}


def resized(images, size, how):
    return resize(images, size, ReadingOptions(resize=how, background="#ff8000"))


@pytest.mark.parametrize("how", RESIZES)
@given(images=image_arrays, height=sides, width=sides)
def test_resizing_equals_pillows_and_does_not_change_its_input(how, images, height, width):
    before = images.copy()
    scaled = resized(images, (height, width), how)
    assert (scaled.shape, scaled.dtype) == ((len(images), height, width, images.shape[3]), np.uint8)
    for image, found in zip(images, scaled, strict=True):
        expected = BY_PILLOW[how](to_pillow(image), (width, height))
        if expected is not None:
            assert np.array_equal(found, np.asarray(expected).reshape(found.shape))
    assert np.array_equal(images, before)


@given(images=image_arrays.filter(len), height=sides, width=sides)
def test_a_crop_of_random_sides_keeps_the_middle(images, height, width):
    """Of an image that is mirrored in both directions, the crop is mirrored, too."""
    mirrored = np.maximum(images, images[:, ::-1])
    mirrored = np.maximum(mirrored, mirrored[:, :, ::-1])
    for how in RESIZES:
        found = resized(mirrored, (height, width), how).astype(int)
        if how != "pad" or not has_other_ratio(*images.shape[1:3], (height, width)):
            assert np.abs(found - found[:, ::-1]).max() <= 1
            assert np.abs(found - found[:, :, ::-1]).max() <= 1


@pytest.mark.parametrize("how", RESIZES)
@pytest.mark.parametrize("shape", [(1, 2000, 1, 3), (1, 1, 2000, 1)])
def test_images_of_extreme_shapes_are_resized(how, shape):
    images = np.zeros(shape, np.uint8)
    found = resized(images, (9, 8), how)
    assert found.shape == (1, 9, 8, shape[3])
    assert (found == 0).any()
    assert has_other_ratio(*shape[1:3], (9, 8))


@pytest.mark.parametrize(
    ("shape", "size", "is_other"),
    [((480, 640), (48, 64), False), ((375, 500), (64, 64), True), ((501, 500), (64, 64), False)],
)
def test_a_ratio_is_another_if_a_pixel_would_be_left_free(shape, size, is_other):
    assert has_other_ratio(*shape, size) is is_other


@pytest.mark.parametrize("how", RESIZES)
def test_many_images_keep_their_order_when_resized(how):
    images = noise(2100, 3, 2, 1)
    expected = [BY_PILLOW[how](to_pillow(image), (4, 2)) for image in images]
    assert np.array_equal(resized(images, (2, 4), how)[:, :, :, 0], np.array(expected))


def test_read_only_images_and_views_can_be_resized():
    images = noise(6, 8, 8, 3)
    images.flags.writeable = False
    expected = [to_pillow(image).resize((4, 5), BILINEAR) for image in images[::2, ::-1]]
    assert np.array_equal(resized(images[::2, ::-1], (5, 4), "squash"), np.array(expected))


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (-1, 4), (4, -2)])
def test_a_size_without_pixels_is_rejected(size, refused):
    with refused(ArgumentError, size):
        resized(noise(2, 3, 3, 1), size, "crop")


@pytest.mark.parametrize("how", RESIZES)
@given(images=image_arrays.filter(len), height=sides, width=sides)
def test_a_file_is_resized_as_an_array_is_with_a_note(how, folder, images, height, width):
    to_pillow(images[0]).save(folder / f"{how}.png")
    reading = ReadingOptions(resize=how, background="#ff8000")
    found, note = read_image(folder / f"{how}.png", (height, width, images.shape[3]), reading)
    assert np.array_equal(found, resized(images[:1], (height, width), how)[0])
    mode = "L" if images.shape[3] == 1 else "RGB"
    rows, columns = images.shape[1:3]
    expected = f"{rows} x {columns} {mode} to {height} x {width} {mode}"
    if has_other_ratio(rows, columns, (height, width)):
        expected += {"crop": ", cropped", "pad": ", padded with #ff8000", "squash": ", squashed"}[
            how
        ]
    assert note == ("" if (rows, columns) == (height, width) else expected)
