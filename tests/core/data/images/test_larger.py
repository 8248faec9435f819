"""Training images to cut crops from have more pixels; all other images are as without them."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_sample_images
from support import noise, save

from hardmax.data.images import cache as image_cache
from hardmax.data.images.augmentation import COLUMNS, ROWS, Augmentation
from hardmax.data.images.larger import FACTOR
from hardmax.data.load import load
from hardmax.data.options import Reading

pytestmark = pytest.mark.usefixtures("cache")

SIDE, LARGE = 32, round(32 * FACTOR)


def photographs(folder, parts=("",), count=12, side=200):
    """Write squares cut from two photographs, a class each, and return the folder."""
    generator = np.random.default_rng(0)
    for label, photo in zip("ab", load_sample_images().images, strict=True):
        for part in parts:
            for i in range(count):
                top, left = generator.integers(0, [427 - side, 640 - side])
                pixels = photo[top : top + side, left : left + side]
                save(folder / part / label / f"{i:02}.png", pixels)
    return folder


def both(source, size=(SIDE, SIDE), **options):
    """Return the data set read without and with larger images."""
    reading = Reading(size=size, **options)
    return load(str(source), reading), load(str(source), Reading(size=size, crops=True, **options))


def assert_alike(found, wanted):
    """Assert that data sets are equal but for larger images, and that only one set has those."""
    assert found.fingerprint == wanted.fingerprint
    for name in ("train", "validation", "test"):
        part, other = getattr(found, name), getattr(wanted, name)
        assert (part is None) == (other is None)
        if part is not None:
            np.testing.assert_array_equal(part.images, other.images)
            np.testing.assert_array_equal(part.names, other.names)
            assert (part.larger is not None) == (name == "train")


@pytest.mark.parametrize(
    ("parts", "validation"), [([""], None), ([""], 0.25), (["train", "val", "test"], None)]
)
def test_larger_images_are_those_read_at_a_larger_size(tmp_path, parts, validation):
    folder = photographs(tmp_path / "data", parts)
    plain, found = both(folder, validation=validation)
    assert_alike(found, plain)
    wanted = load(str(folder), Reading(size=(LARGE, LARGE), validation=validation))
    by_name = dict(zip(wanted.train.names, wanted.train.images, strict=True))
    by_name |= dict(zip(wanted.test.names, wanted.test.images, strict=True))
    for part in (wanted.validation,) if wanted.validation else ():
        by_name |= dict(zip(part.names, part.images, strict=True))
    expected = np.stack([by_name[name] for name in found.train.names])
    np.testing.assert_array_equal(found.train.larger, expected)
    assert found.preprocessing == {**plain.preprocessing, "crops_from": [LARGE, LARGE]}
    cut = f"data: crops are cut from the training images as {LARGE} x {LARGE}"
    assert found.notices == (*plain.notices, cut)
    some = found.train.take(np.array([5, 0]))
    np.testing.assert_array_equal(some.larger, expected[[5, 0]])
    np.testing.assert_array_equal(found.train.take(slice(2, 4)).larger, expected[2:4])


def test_images_of_a_table_are_found_by_their_row(tmp_path):
    folder = photographs(tmp_path / "data")
    names = sorted(str(path.relative_to(tmp_path)) for path in folder.rglob("*.png"))
    order = np.random.default_rng(1).permutation([*range(24), 3, 3, 20])  # some files twice
    rows = [{"file": names[i], "kind": names[i].split("/")[1]} for i in order]
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    options = {"label": "kind", "files": "file", "validation": 0.2}
    plain, found = both(tmp_path / "rows.csv", **options)
    assert_alike(found, plain)
    for name, larger in zip(found.train.names, found.train.larger, strict=True):
        image = Image.open(tmp_path / name).resize((LARGE, LARGE), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(larger, np.asarray(image))


@pytest.mark.parametrize(
    ("stored", "size", "resize", "larger"),
    [
        ((40, 40), (32, 32), "crop", (40, 40)),  # no more pixels than in the files
        ((32, 32), (32, 32), "crop", None),
        ((20, 20), (32, 32), "crop", None),
        ((90, 36), (32, 32), "crop", (36, 36)),
        ((90, 36), (32, 32), "squash", (36, 36)),
        ((90, 36), (32, 32), "pad", (45, 45)),
        ((90, 90), (24, 48), "crop", (34, 67)),
    ],
)
def test_larger_images_have_no_more_pixels_than_most_files(tmp_path, stored, size, resize, larger):
    for label in "ab":
        for i in range(5):
            # A single larger file changes nothing.
            height, width = (400, 400) if (label, i) == ("a", 1) else stored
            save(tmp_path / f"data/{label}/{i}.png", noise(height, width, seed=[i, ord(label)]))
    found = load(str(tmp_path / "data"), Reading(size=size, resize=resize, crops=True))
    assert (None if found.train.larger is None else found.train.larger.shape[1:3]) == larger


def test_bad_files_have_no_larger_images(tmp_path):
    folder = photographs(tmp_path / "data")
    (folder / "a/03.png").write_bytes(b"no image")
    plain, found = both(folder, skip_bad=True)
    assert_alike(found, plain)
    assert len(found.train.larger) == len(found.train)


def test_other_test_data_has_no_larger_images(tmp_path):
    plain, found = both(
        photographs(tmp_path / "data"), test=str(photographs(tmp_path / "other", count=3))
    )
    assert_alike(found, plain)


def test_another_split_finds_the_larger_images_in_the_cache(tmp_path, monkeypatch):
    folder = photographs(tmp_path / "data")
    both(folder)
    read = []
    monkeypatch.setattr(image_cache, "load_upright", lambda path, *_: read.append(path))
    for seed, validation in ((1, None), (0, 0.2)):
        _, found = both(folder, seed=seed, validation=validation)
        assert found.train.larger is not None
    assert not read


def test_a_source_without_files_has_no_larger_images():
    assert load("digits", Reading(crops=True)).train.larger is None


def test_crops_are_nearly_those_that_pillow_cuts_from_the_files(tmp_path):
    """The error is less than half of that of crops enlarged from images of the network's size."""
    train = both(photographs(tmp_path / "data"))[1].train
    crops = Augmentation(("crop",), SIDE, SIDE).draw(len(train), 0, 0).astype(float)
    wanted = []
    for name, change in zip(train.names, crops, strict=True):
        firsts, steps = change[[2, 0]], change[[3, 1]]
        start = (firsts + (1 - steps) / 2) * 200 / SIDE
        box = np.clip([*start, *(start + steps * 200)], 0, 200)
        with Image.open(tmp_path / "data" / name) as image:
            cut = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (*box,))
        wanted.append(np.asarray(cut, float))

    def error(images):
        source = images.shape[1:3]
        changes = Augmentation(("crop",), SIDE, SIDE, source).draw(len(images), 0, 0).astype(float)
        cut = [_sampled(*one) for one in zip(images, changes, strict=True)]
        return np.mean(np.square(np.stack(cut) - wanted)) ** 0.5

    assert error(train.larger) < error(train.images) / 2


def _sampled(image, change):
    (row, rows), (column, columns) = change[ROWS], change[COLUMNS]
    at = np.arange(SIDE)
    places = np.meshgrid(row + rows * at, column + columns * at, indexing="ij")
    channels = np.moveaxis(image.astype(float), -1, 0)
    return np.stack([map_coordinates(one, places, order=1, mode="mirror") for one in channels], -1)
