"""Image files are found by path, folder or pattern, and read in batches of bounded memory."""

import glob
import os

import numpy as np
import pytest
from support import noise, peak_memory, save

from hardmax.data.images import batches
from hardmax.data.images.batches import ImageBatches, find_images
from hardmax.data.options import ReadingOptions
from hardmax.errors import DataError


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder of image files, some of them hidden or in a linked folder, as the current one."""
    names = ["a1.jpg", "a2.jpg", "b.png", "sub/a3.jpg", "sub/deep/a4.jpg", "[x]/a[1].jpg"]
    for name in [*names, ".hidden.jpg", ".thumbs/t.jpg", "sub/.thumbs/t.jpg"]:
        save(tmp_path / name, noise(4, 4))
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "pattern", ["*.jpg", "a?.jpg", "*/*.jpg", "[ab]*", "sub/.thumbs/*", "**.jpg"]
)
def test_a_pattern_stands_for_the_files_that_a_shell_gives_it(tree, pattern):
    expected = sorted(name for name in glob.glob(pattern) if os.path.isfile(name))
    assert expected
    assert find_images(pattern) == expected
    absolute = [str(tree / name) for name in expected]
    assert find_images(str(tree / pattern)) == absolute


def test_two_asterisks_stand_for_folders_that_are_not_links(tree):
    below = ["sub/a3.jpg", "sub/deep/a4.jpg"]
    assert find_images("sub/**/*.jpg") == find_images("sub/**") == below
    assert find_images("**/a?.jpg") == ["a1.jpg", "a2.jpg", *below]


def test_what_macos_adds_to_archives_is_not_found(tree):
    expected = {path: find_images(path) for path in (".", "**/*.jpg", "*/*.jpg")}
    for name in ("__MACOSX/a1.jpg", "sub/__MACOSX/b.jpg", "sub/._b.jpg", "._a1.jpg"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_bytes(b"")
    assert {path: find_images(path) for path in expected} == expected
    assert find_images("__MACOSX/*.jpg") == ["__MACOSX/a1.jpg"]  # asked for by its name


def test_the_name_of_a_file_is_not_taken_as_a_pattern(tree):
    assert find_images("[x]/a[1].jpg") == ["[x]/a[1].jpg"]
    assert find_images("[x]") == ["[x]/a[1].jpg"]
    (tree / "broken[1].jpg").symlink_to(tree / "gone")
    assert find_images("broken[1].jpg") == ["broken[1].jpg"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("*.gif", "no file matches the pattern *.gif"),
        ("su[b]", "no file matches"),
        ("gone.jpg", "cannot read gone.jpg: No such file"),
        ("a1.jpg/b.jpg", "Not a directory"),
        ("x" * 300, "name too long"),
    ],
)
def test_what_stands_for_no_file_is_refused(tree, refused, path, words):
    with refused(DataError, words):
        find_images(path)


def reader(folder, names, size=5, skip_bad=False, shape=(6, 6, 1)):
    files = [str(folder / name) for name in names]
    return ImageBatches(files, shape, ReadingOptions(), size=size, skip_bad=skip_bad)


def test_batches_have_one_size_and_the_order_of_the_files(tmp_path):
    pixels = [noise(6, 6, seed=i) for i in range(33)]
    for i, image in enumerate(pixels):
        save(tmp_path / f"{i}.png", image)
    images = reader(tmp_path, [f"{i}.png" for i in range(33)])
    names, arrays = zip(*images.read(), strict=True)
    assert [*map(len, names)] == [*map(len, arrays)] == [5] * 6 + [3]
    assert [name for batch in names for name in batch] == images.files
    np.testing.assert_array_equal(np.concatenate(arrays)[..., 0], pixels)
    assert images.notices == []


def test_few_images_are_read_ahead_and_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    save(tmp_path / "a.png", noise(96, 96, 3))
    images = reader(tmp_path, ["a.png"] * 600, size=8, shape=(96, 96, 3))
    total = 600 * 96 * 96 * 3
    assert peak_memory(lambda: [None for _ in images.read()]) < total / 4
    done = []
    read_image = batches.read_image
    monkeypatch.setattr(batches, "read_image", lambda *args: done.append(0) or read_image(*args))
    batch = images.read()
    next(batch)
    batch.close()
    assert 8 <= len(done) < 100


def test_unreadable_files_are_refused_or_skipped(tmp_path, refused):
    save(tmp_path / "good.png", noise(6, 6))
    save(tmp_path / "other.png", noise(9, 6))
    (tmp_path / "bad.png").write_bytes(b"no image")
    names = ["bad.png", "good.png", "gone.png", "other.png", "good.png", "bad.png"]
    with refused(DataError, "bad.png is not a readable image", "--skip-bad"):
        [*reader(tmp_path, names).read()]
    images = reader(tmp_path, names, skip_bad=True)
    [(found, pixels)] = images.read()
    assert ([os.path.basename(name) for name in found], len(pixels)) == (
        ["good.png", "other.png", "good.png"],
        3,
    )
    skipped, converted = images.notices
    assert skipped.startswith("skipped 3 images that cannot be read: ")
    assert converted.startswith("1 of 3 images were converted (")
    assert converted.endswith("other.png: 9 x 6 L to 6 x 6 L, cropped)")
    with refused(DataError, "none of the 2 images can be read", "bad.png"):
        [*reader(tmp_path, ["bad.png"] * 2, skip_bad=True).read()]
