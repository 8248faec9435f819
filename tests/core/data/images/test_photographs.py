"""Photographs decoded at a smaller scale are those decoded whole, but for a small difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_image
from support import noise, save

from hardmax.data.images.files import load_upright, read_image, strict_pillow
from hardmax.data.load import load
from hardmax.data.options import RESIZES, Reading, ReadingOptions
from hardmax.data.survey import survey
from hardmax.errors import DataError

BILINEAR = Image.Resampling.BILINEAR
ORIENTATION = 0x0112

#: The largest mean absolute difference to the image decoded whole, of values from 0 to 255.
TOLERANCE = 1.0

#: What Pillow computes from an image that it has decoded whole.
FROM_WHOLE = {
    "crop": lambda image, size: ImageOps.fit(image, size, BILINEAR),
    "pad": lambda image, size: ImageOps.pad(image, size, BILINEAR, "white"),
    "squash": lambda image, size: image.resize(size, BILINEAR),
}


@pytest.fixture(scope="module")
def photograph():
    """A photograph of 640 x 427 pixels."""
    return Image.fromarray(load_sample_image("china.jpg"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("photographs")


def oriented(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def decoded(path, size, how):
    with strict_pillow():
        return load_upright(path, ReadingOptions(resize=how), size)


def difference(path, size, how, mode="RGB"):
    """Return the mean absolute difference to the image decoded whole."""
    shape = (*size, 1 if mode == "L" else 3)
    found, note = read_image(path, shape, ReadingOptions(resize=how))
    with Image.open(path) as image:
        whole = ImageOps.exif_transpose(image)
        assert note.startswith(f"{whole.height} x {whole.width} {image.mode} to ")
        expected = np.asarray(FROM_WHOLE[how](whole.convert(mode), size[::-1]))
    return np.abs(found.astype(int) - expected.reshape(shape)).mean()


@pytest.mark.parametrize("how", RESIZES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_difference_is_small_however_the_camera_was_held(
    how, orientation, photograph, tmp_path
):
    """The sides are no multiples of the scales, so that the last pixels are cut."""
    for width, height in ((640, 427), (511, 383)):
        path = tmp_path / f"{width}.jpg"
        photo = ImageOps.fit(photograph, (width, height))
        photo.save(path, exif=oriented(orientation), quality=90)
        for size in ((64, 64), (30, 50), (90, 20)):
            assert difference(path, size, how) <= TOLERANCE * (how != "squash")


@pytest.mark.parametrize("how", ["crop", "pad"])
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"progressive": True}),
        ("RGB", {"subsampling": 0, "quality": 60}),
        ("RGB", {"format": "MPO", "save_all": True}),
        ("L", {}),
        ("CMYK", {}),
    ],
)
def test_the_difference_is_small_for_every_kind_of_jpeg(how, mode, options, photograph, tmp_path):
    path = tmp_path / "a.jpg"
    photo = photograph.convert(mode)
    more = {"append_images": [photo.rotate(90)]} if "save_all" in options else {}
    photo.save(path, **options, **more)
    assert difference(path, (48, 48), how, "L" if mode == "L" else "RGB") <= TOLERANCE
    assert decoded(path, (48, 48), how).image.width < 640


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    orientation=st.integers(1, 8),
)
def test_the_scale_is_the_smallest_of_twice_the_pixels(folder, width, height, size, orientation):
    path = folder / "a.jpg"
    Image.new("L", (width, height)).save(path, exif=oriented(orientation))
    if orientation >= 5:
        width, height = height, width
    ratios = (width / size[1], height / size[0])
    for how, reduction in {"crop": min(ratios), "pad": max(ratios), "squash": 0}.items():
        found = decoded(path, size, how)
        assert (found.height, found.width) == (height, width)
        left, top, right, bottom = found.box
        scale = width / (right - left)
        assert scale == height / (bottom - top)
        assert (found.image.width, found.image.height) == (-(-width // scale), -(-height // scale))
        assert min(left, top) >= 0
        assert (right <= found.image.width, bottom <= found.image.height) == (True, True)
        if how == "pad":  # the sides of what is padded are rounded
            columns, rows = ImageOps.contain(Image.new("L", (width, height)), size[::-1]).size
            reduction = min(width / max(columns, 1), height / max(rows, 1))
        assert scale == max(one for one in (1, 2, 4, 8) if one == 1 or 2 * one <= reduction)


def test_a_survey_has_the_sizes_in_the_files_and_compares_whole_images(tmp_path, monkeypatch):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))
    pixels = np.repeat(np.repeat(noise(30, 40, seed=1), 10, axis=0), 10, axis=1)
    changed = pixels.copy()
    changed[:8, :8] ^= 255
    for name, image in (("a/1", pixels), ("a/2", changed), ("b/1", pixels), ("b/2", pixels.T)):
        save(tmp_path / "data" / f"{name}.jpg", image)
    found = survey(str(tmp_path / "data"))
    assert found.sizes == {(300, 400, 1): 3, (400, 300, 1): 1}
    assert found.same == [["a/1.jpg", "b/1.jpg"]]
    data = load(str(tmp_path / "data"), Reading(size=(8, 8), whole=True))
    assert data.notices[1].startswith("4 images of another aspect ratio are cropped")


def test_a_truncated_photograph_is_refused_at_every_scale(photograph, tmp_path, refused):
    path = tmp_path / "a.jpg"
    photograph.save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    for how in RESIZES:
        with refused(DataError, path, "truncated"):
            decoded(path, (8, 8), how)
