"""Folders of image files become data sets, are decoded once, or are rejected with a reason."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps
from support import noise, save

from hardmax.data.images import cache as image_cache
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.survey import survey
from hardmax.errors import ArgumentError, DataError

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def parted(tmp_path):
    """A folder with 4 images each of cats and dogs to train on, and 2 of each to test on."""
    for part, count in (("train", 4), ("test", 2)):
        for label in ("dog", "cat"):
            for i in range(count):
                seed = [i, len(part), len(label + part), ord(label[0])]
                save(tmp_path / f"pets/{part}/{label}/{i}.png", noise(6, 5, seed=seed))
    return tmp_path / "pets"


@pytest.fixture
def alone(tmp_path):
    """A folder of two classes, 10 and 20 images, without a test set."""
    for label, count in (("a", 10), ("b", 20)):
        for i in range(count):
            save(tmp_path / f"alone/{label}/{label}{i:02}.png", noise(4, 4, seed=[count, i]))
    return tmp_path / "alone"


def opened(path):
    return np.asarray(Image.open(path))


def decodings(monkeypatch):
    """Return a list to which the name of every decoded file is added from now on."""
    read, original = [], image_cache.load_upright

    def load_upright(path, *options):
        read.append(path.name)
        return original(path, *options)

    monkeypatch.setattr(image_cache, "load_upright", load_upright)
    return read


def test_parts_and_classes_are_folders_and_images_are_sorted_by_name(parted):
    data = load(str(parted))
    assert (data.name, data.classes, data.shape) == ("pets", ("cat", "dog"), (6, 5, 1))
    assert data.train.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    assert data.test.labels.tolist() == [0, 1, 0, 1]
    for part, images in (("train", data.train), ("test", data.test)):
        for i, label in enumerate(images.labels):
            path = parted / part / data.classes[label] / f"{i // 2}.png"
            assert np.array_equal(images.images[i, :, :, 0], opened(path))
    assert data.preprocessing == {"resized": "the common size", "left_out": [], "ignored": []}
    assert data.notices == (
        "pets: 12 images of 2 classes, as 6 x 5 grayscale (the common size; change it "
        "with --size and --channels)",
    )


def test_without_a_test_set_a_fifth_of_each_class_is_split_off_by_the_seed(alone):
    data, again, other = (load(str(alone), Reading(seed=seed)) for seed in (3, 3, 4))
    assert data.fingerprint == again.fingerprint != other.fingerprint
    assert np.bincount(data.test.labels).tolist() == [2, 4]
    assert np.bincount(data.train.labels).tolist() == [8, 16]
    every = {opened(path).tobytes() for path in alone.rglob("*.png")}
    parts = [{image.tobytes() for image in part.images} for part in (data.train, data.test)]
    assert parts[0] | parts[1] == every
    assert not parts[0] & parts[1]
    assert (data.preprocessing["split_off"], data.preprocessing["split_seed"]) == (0.2, 3)
    assert "6 of 30 examples, 0.2 of each class, were split off" in data.notices[1]


def test_images_know_their_files_but_for_those_that_are_skipped(parted):
    (parted / "train/cat/1.png").write_bytes(b"no image")
    data = load(str(parted), Reading(validation=0.3, skip_bad=True))
    read = set()
    for part in (data.train, data.validation, data.test):
        kind, names = part.source(np.arange(len(part)))
        assert kind == "file"
        read.update(names)
        for name, image in zip(names, part.images, strict=True):
            assert np.array_equal(image[:, :, 0], opened(parted / name))
    files = {str(path.relative_to(parted)) for path in parted.rglob("*.png")}
    assert read == files - {"train/cat/1.png"}


def test_train_without_test_is_split_and_a_class_may_be_called_train(alone, tmp_path):
    (tmp_path / "one").mkdir()
    alone.rename(tmp_path / "one" / "train")
    assert len(load(str(tmp_path / "one")).test) == 6
    (tmp_path / "one" / "train" / "a").rename(tmp_path / "one" / "train" / "plane")
    (tmp_path / "one" / "train" / "b").rename(tmp_path / "one" / "train" / "train")
    assert load(str(tmp_path / "one" / "train")).classes == ("plane", "train")


@pytest.mark.parametrize(
    ("sizes", "shape", "why"),
    [
        ([(8, 6)] * 4, (8, 6, 1), "the common size"),
        ([(9, 20), (20, 9), (11, 11), (11, 11)], (8, 8, 1), "the median side in multiples of 8"),
        ([(10, 20), (20, 10), (12, 12), (12, 12)], (16, 16, 1), "in multiples of 8"),
        ([(1, 2), (2, 1)], (8, 8, 1), "the median side in multiples of 8"),
        ([(99, 90), (90, 99)], (96, 96, 1), "the median side in multiples of 8"),
        ([(300, 200)] * 4, (96, 96, 1), "the median side in multiples of 8, at most 96"),
        ([(300, 200), (90, 400), (200, 200), (300, 10)], (96, 96, 1), "at most 96"),
    ],
)
def test_the_size_is_the_common_one_or_the_median_side(sizes, shape, why, tmp_path):
    for i, size in enumerate(sizes):
        for label in "ab":
            save(tmp_path / f"data/{label}/{i}.png", noise(*size, seed=[i, ord(label)]))
    data = load(str(tmp_path / "data"), Reading(resize="squash", whole=True))
    assert data.shape == shape
    assert data.preprocessing["resized"].endswith(why)
    for i, label in enumerate(data.train.labels):
        image = Image.open(tmp_path / f"data/{'ab'[label]}/{i // 2}.png")
        wanted = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
        assert np.array_equal(data.train.images[i, :, :, 0], wanted)


def test_images_of_another_aspect_ratio_are_cropped_padded_or_squashed(tmp_path, cache):
    sizes = {"0": (8, 8), "1": (16, 4), "2": (5, 20)}
    for label in "ab":
        for name, size in sizes.items():
            save(tmp_path / f"data/{label}/{name}.png", noise(*size, seed=[*size, ord(label)]))
    bilinear = Image.Resampling.BILINEAR
    expected = {
        "crop": ("cropped", lambda image: ImageOps.fit(image, (8, 8), bilinear)),
        "pad": ("padded with gray", lambda image: ImageOps.pad(image, (8, 8), bilinear, 128)),
        "squash": ("squashed", lambda image: image.resize((8, 8), bilinear)),
    }
    for how, (words, resized) in expected.items():
        reading = Reading((8, 8), resize=how, background="gray", whole=True)
        for _ in ("decoded", "cached"):
            data = load(str(tmp_path / "data"), reading)
            for i, label in enumerate(data.train.labels):
                image = Image.open(tmp_path / f"data/{'ab'[label]}/{i // 2}.png")
                assert np.array_equal(data.train.images[i, :, :, 0], resized(image))
            notice = f"4 images of another aspect ratio are {words}; change it with --resize"
            assert data.notices[1:] == (notice,)
    assert len([*(cache / "images").iterdir()]) == 2 * 3


def test_one_color_image_makes_all_color_unless_channels_is_set(parted):
    path = parted / "train" / "cat" / "0.png"
    save(path, noise(6, 5, 3))
    assert load(str(parted)).shape == (6, 5, 3)
    gray = load(str(parted), Reading(channels=1))
    assert gray.shape == (6, 5, 1)
    assert np.array_equal(gray.train.images[0, :, :, 0], Image.open(path).convert("L"))
    resized = load(str(parted), Reading(size=(3, 7)))
    assert (resized.shape, resized.preprocessing["resized"]) == ((3, 7, 3), "as set")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "P"])
def test_images_stored_without_color_are_grayscale(mode, alone):
    if mode == "I;16":
        Image.fromarray(noise(4, 4).astype(np.uint16) * 257).save(alone / "a" / "a00.png")
    else:
        Image.fromarray(noise(4, 4)).convert(mode).save(alone / "a" / "a00.png")
    assert load(str(alone)).shape == (4, 4, 1)


def test_a_palette_with_colors_makes_a_color_image(alone):
    Image.fromarray(noise(4, 4, 3)).convert("P").save(alone / "a" / "a00.png")
    assert load(str(alone)).shape == (4, 4, 3)


def test_photographs_are_rotated_before_their_sizes_are_compared(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for label in "ab":
        save(tmp_path / f"data/{label}/1.jpg", noise(8, 16), exif=exif)
        save(tmp_path / f"data/{label}/2.jpg", noise(16, 8))
    assert load(str(tmp_path / "data"), Reading(whole=True)).shape == (16, 8, 1)


def test_a_second_load_decodes_nothing_and_changes_are_detected(parted, monkeypatch, cache):
    first, read = load(str(parted)), decodings(monkeypatch)
    assert load(str(parted)).fingerprint == first.fingerprint
    assert load(str(parted), Reading(shape=(6, 5, 1))).fingerprint == first.fingerprint
    assert read == []
    path = parted / "test" / "dog" / "1.png"
    before = os.stat(path)
    save(path, 255 - opened(path))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert load(str(parted)).fingerprint != first.fingerprint
    assert len(read) == 12
    assert len([*(cache / "images").iterdir()]) == 2


def test_the_pixels_are_mapped_and_not_read_into_memory(parted):
    base = load(str(parted)).train.images
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


@pytest.mark.parametrize("ending", [".json", ".pixels"])
def test_a_truncated_cache_is_rebuilt(ending, parted, cache):
    first = load(str(parted)).fingerprint
    (path,) = (cache / "images").glob(f"*{ending}")
    path.write_bytes(path.read_bytes()[:-1])
    assert load(str(parted)).fingerprint == first
    path.unlink()
    assert load(str(parted)).fingerprint == first


def test_many_images_keep_their_order(tmp_path):
    numbers = np.arange(300)
    for i in numbers:
        save(tmp_path / f"data/{'ab'[i % 2]}/{i:03}.png", np.full((1, 2), i % 256, np.uint8))
    data = load(str(tmp_path / "data"), Reading(whole=True))
    assert np.array_equal(data.train.images[:, 0, 0, 0], numbers % 256)
    assert np.array_equal(data.train.labels, numbers % 2)


BAD = {
    "empty.png": b"",
    "text.jpg": b"no image",
    "cut.png": b"\x89PNG\r\n\x1a\n",
}


def test_unreadable_images_are_counted_and_named_or_skipped(parted, refused, cache):
    whole = load(str(parted)).fingerprint
    for name, data in BAD.items():
        (parted / "train" / "dog" / name).write_bytes(data)
    names = [f"train/dog/{name}" for name in sorted(BAD)]
    (parted / "test" / "cat" / "gone.png").symlink_to("nowhere")
    names.insert(0, "test/cat/gone.png")
    with refused(DataError, "4 of 16", *names, "--skip-bad"):
        load(str(parted))
    assert len([*(cache / "images").iterdir()]) == 2
    data = load(str(parted), Reading(skip_bad=True))
    assert data.fingerprint == whole
    assert data.preprocessing["left_out"] == names
    assert "skipped 4 images that cannot be read: test/cat/gone.png, " in data.notices[1]
    with refused(DataError, "4 of 16", *names, "--skip-bad"):
        load(str(parted))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_an_image_that_declares_a_huge_size_is_unreadable(parted, refused):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0))
    bomb = header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    (parted / "train" / "dog" / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bomb)
    for reading in (Reading(), Reading((4, 4), 1)):
        with refused(DataError, "1 of 13", "train/dog/bomb.png"):
            load(str(parted), reading)


def test_skipping_every_image_is_an_error(tmp_path, refused):
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(b"")
    for reading in (Reading(skip_bad=True), Reading((4, 4), 1, skip_bad=True)):
        with refused(DataError, "none of the 2 images can be read"):
            load(str(tmp_path), reading)


def test_other_files_and_folders_are_ignored_with_a_notice(parted):
    (parted / "notes.txt").write_text("notes")
    (parted / "train" / "cat" / "Thumbs.db").write_text("thumbs")
    (parted / "valid").mkdir()
    (parted / "train" / ".hidden").mkdir()
    (parted / "train" / "cat" / ".DS_Store").write_text("hidden")
    data = load(str(parted))
    assert data.preprocessing["ignored"] == ["notes.txt", "train/cat/Thumbs.db", "valid"]
    assert "ignored 3 files and folders" in data.notices[1]


def test_what_macos_adds_to_archives_is_not_read_and_not_counted(parted):
    expected = load(str(parted))
    seen = survey(str(parted))
    # An archive that was packed on a Mac has, for each file, a file of attributes.
    for path in sorted(parted.rglob("*.png")):
        for copy in (
            parted / "__MACOSX" / path.relative_to(parted).with_name(f"._{path.name}"),
            parted / "__MACOSX" / path.relative_to(parted),
            path.parent / "__MACOSX" / path.name,
            path.with_name(f"._{path.name}"),
        ):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(b"\0\5\26\7" + path.name.encode())
    (parted / "train" / "__MACOSX" / "cat").mkdir(parents=True)
    found = load(str(parted))
    assert (found.classes, found.notices) == (expected.classes, expected.notices)
    assert found.preprocessing == expected.preprocessing
    np.testing.assert_array_equal(found.train.images, expected.train.images)
    np.testing.assert_array_equal(found.test.images, expected.test.images)
    assert survey(str(parted)) == seen


def test_images_may_be_in_subfolders_and_have_uppercase_extensions(alone):
    (alone / "b" / "more").mkdir()
    (alone / "b" / "b00.png").rename(alone / "b" / "more" / "b00.PNG")
    assert len(load(str(alone), Reading(whole=True)).train) == 30


def test_the_classes_and_the_shape_of_a_run_are_used(parted):
    reading = Reading(shape=(3, 2, 3), classes=("bird", "dog", "cat"))
    data = load(str(parted), reading)
    assert (data.classes, data.shape) == (("bird", "dog", "cat"), (3, 2, 3))
    assert data.test.labels.tolist() == [2, 1, 2, 1]


def test_integer_classes_are_in_numeric_order(tmp_path):
    for label in ("10", "9", "2"):
        for i in range(2):
            save(tmp_path / f"data/{label}/{i}.png", noise(2, 2, seed=[i, int(label)]))
    assert load(str(tmp_path / "data"), Reading(whole=True)).classes == ("2", "9", "10")


def test_a_class_that_is_not_in_the_run_is_named(parted, refused):
    with refused(DataError, "classes that are not in the run: dog", "the run has cat, cow"):
        load(str(parted), Reading(classes=("cat", "cow")))


def remove(folder):
    for path in [*folder.iterdir()]:
        path.unlink()
    folder.rmdir()


def test_folders_that_cannot_be_trained_on_are_rejected(parted, tmp_path, refused):
    (tmp_path / "empty").mkdir()
    with refused(DataError, "empty has neither the four IDX files nor images in one folder per"):
        load(str(tmp_path / "empty"))
    with refused(DataError, "neither"):
        load(str(parted / "train" / "cat"))
    (parted / "train" / "ant").mkdir()
    with refused(DataError, "the folders of these classes have no images: ant"):
        load(str(parted))
    (parted / "train" / "ant").rmdir()
    save(parted / "test" / "cow" / "1.png", noise(6, 5))
    with refused(DataError, "test set has classes that are not in the training set: cow"):
        load(str(parted))
    remove(parted / "test" / "cow")
    remove(parted / "test" / "dog")
    assert set(load(str(parted)).test.labels) == {0}
    remove(parted / "train" / "dog")
    with refused(DataError, "only one class (cat)"):
        load(str(parted))


def test_a_test_set_alone_is_rejected(parted, refused):
    (parted / "train").rename(parted / "learning")
    with refused(DataError, "no train folder beside it"):
        load(str(parted))


def test_a_class_whose_images_are_all_skipped_is_named(parted, refused):
    for path in (parted / "train" / "dog").iterdir():
        path.write_bytes(b"")
    why = ("skipped", f"{parted / 'train/dog/0.png'} is not a readable image (unknown format)")
    with refused(DataError, "training set has no examples of dog", *why):
        load(str(parted), Reading(skip_bad=True))
    # A run has its classes, whatever is there.
    data = load(str(parted), Reading(skip_bad=True, classes=("cat", "dog")))
    assert data.train.labels.tolist() == [0] * 4
    save(parted / "train/dog/0.png", noise(6, 5))
    assert load(str(parted), Reading(skip_bad=True)).train.labels.tolist() == [0, 1, 0, 0, 0]


def test_too_few_examples_to_split_is_an_error(tmp_path, refused):
    for label in "ab":
        save(tmp_path / f"data/{label}/1.png", noise(4, 4))
    with refused(DataError, "2 examples and no test set, too few"):
        load(str(tmp_path / "data"))


def test_an_invalid_class_name_is_rejected(parted, refused):
    (parted / "train" / "dog").rename(parted / "train" / "d\nog")
    (parted / "test" / "dog").rename(parted / "test" / "d\nog")
    with refused(DataError, r"'d\nog'"):
        load(str(parted))


def test_a_cache_that_cannot_be_written_is_named(parted, monkeypatch, tmp_path, refused):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "file"))
    with refused(DataError, tmp_path / "file", "HARDMAX_CACHE"):
        load(str(parted))


@pytest.mark.parametrize("size", [(0, 4), (4, 4097), (-1, 1), (2.5, 2)])
def test_invalid_sizes_are_rejected(size, refused):
    with refused(ArgumentError, "1 to 4096"):
        Reading(size)


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_channels_must_be_one_or_three(channels, refused):
    with refused(ArgumentError, channels):
        Reading(channels=channels)


def test_size_and_channels_apply_to_data_in_other_formats():
    digits, changed = load("digits"), load("digits", Reading((5, 7), 3))
    assert changed.shape == (5, 7, 3)
    image = Image.fromarray(digits.test.images[0, :, :, 0])
    bilinear = Image.Resampling.BILINEAR
    assert np.array_equal(changed.test.images[0, :, :, 2], ImageOps.fit(image, (7, 5), bilinear))
    notice = "digits: the images of 8 x 8 are cropped; change it with --resize"
    assert (load("digits", Reading((4, 4))).notices, changed.notices) == ((), (notice,))
    black = load("digits", Reading((5, 7), resize="pad", background="black"))
    assert np.array_equal(black.test.images[0, :, :, 0], ImageOps.pad(image, (7, 5), bilinear, 0))
