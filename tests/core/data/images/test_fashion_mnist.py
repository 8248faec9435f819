"""Fashion-MNIST is the original, found locally or downloaded to the right folder."""

import gzip

import numpy as np
import pytest

from hardmax.data.images.fashion_mnist import load_fashion_mnist, text_labels
from hardmax.data.load import load
from hardmax.errors import DataError, DownloadError

#: From https://github.com/zalandoresearch/fashion-mnist.
NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"]
NAMES += ["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
LAYOUTS = ["fashion-mnist", "FashionMNIST/raw"]


@pytest.fixture(scope="session")
def originals(data_root):
    return (data_root / "fashion-mnist").resolve()


@pytest.fixture(scope="session")
def fashion(originals):
    return load_fashion_mnist(originals.parent)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The folders that are searched, in order; none exists yet.

    They are ``root``, HARDMAX_DATA, the book's ../data if no root is given, and the cache.
    """
    for name in ("HARDMAX_DATA", "HARDMAX_CACHE", "HARDMAX_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv("HARDMAX_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))
    return {name: tmp_path / name for name in ("root", "named", "data", "cache")}


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def link(originals, folder):
    folder.mkdir(parents=True)
    for path in originals.glob("*.gz"):
        (folder / path.name).symlink_to(path)


def test_there_are_60000_and_10000_images_of_28_by_28_equally_many_of_each_class(fashion):
    for part, each in ((fashion.train, 6000), (fashion.test, 1000)):
        assert part.images.shape == (10 * each, 28, 28, 1)
        assert np.bincount(part.labels).tolist() == [each] * 10
    assert (fashion.name, fashion.shape) == ("fashion-mnist", (28, 28, 1))


def test_the_training_pixels_have_the_documented_mean_and_deviation(fashion):
    parts = np.array_split(fashion.train.images, 60)
    counts = sum(np.bincount(part.ravel(), minlength=256) for part in parts)
    values = np.arange(256) / 255
    mean = np.average(values, weights=counts)
    assert mean == pytest.approx(0.28604, abs=5e-6)
    deviation = np.sqrt(np.average((values - mean) ** 2, weights=counts))
    assert deviation == pytest.approx(0.35302, abs=5e-6)


def test_images_and_labels_are_the_bytes_after_the_headers(fashion, originals):
    for prefix, part in (("train", fashion.train), ("t10k", fashion.test)):
        paths = [originals / f"{prefix}-{what}-ubyte.gz" for what in ("images-idx3", "labels-idx1")]
        images, labels = (gzip.decompress(path.read_bytes()) for path in paths)
        assert part.images.tobytes() == images[16:]
        assert part.labels.astype(np.uint8).tobytes() == labels[8:]


def test_the_classes_are_the_documented_ones_in_the_books_spelling(fashion):
    assert list(fashion.classes) == [name.lower().removesuffix("/top") for name in NAMES]
    assert text_labels(np.array([9, 0, 3])) == ["ankle boot", "t-shirt", "dress"]
    assert text_labels([]) == []


def test_the_first_training_example_is_an_ankle_boot(fashion):
    assert fashion.train.labels[:5].tolist() == [9, 0, 0, 3, 0]


def test_it_is_read_once_per_process_and_is_read_only(originals):
    first, again = (load_fashion_mnist(originals.parent) for _ in range(2))
    assert np.shares_memory(again.train.images, first.train.images)
    with pytest.raises(ValueError, match="read-only"):
        again.train.images[0] = 0


def test_it_is_loaded_by_name_from_the_folder_in_the_environment(originals, places, monkeypatch):
    monkeypatch.setenv("HARDMAX_DATA", str(originals.parent))
    assert len(load("fashion-mnist").test) == 10_000
    assert len(load_fashion_mnist("../data").test) == 10_000
    assert not places["cache"].exists()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_layouts_are_found(layout, originals, places):
    link(originals, places["root"] / layout)
    assert load_fashion_mnist(places["root"]).train.labels[:2].tolist() == [9, 0]


# From here on, the folders hold made-up sets: the error that a file is not the original names its
# path, which shows the folder that was used.


@pytest.mark.parametrize(
    ("root", "filled", "used"),
    [
        ("root", ["root", "named", "cache", "data"], "root"),
        ("root", ["named", "cache", "data"], "named"),
        ("root", ["cache", "data"], "cache"),
        (None, ["root", "named", "cache", "data"], "named"),
        ("../data", ["named", "cache", "data"], "named"),
        (None, ["cache", "data"], "data"),
        ("../data", ["cache", "data"], "data"),
        (None, ["named", "cache"], "named"),
        ("../data", ["cache"], "cache"),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_set_by_the_user_come_before_the_books_folder_and_that_before_the_cache(
    root, filled, used, layout, places, make_idx_folder, refused
):
    for place in filled:
        make_idx_folder(places[place] / layout)
    path = places[used] / layout / "train-images-idx3-ubyte.gz"
    with refused(DataError, path, "not the original", "SHA-256"):
        load_fashion_mnist(places["root"] if root == "root" else root)


def test_other_files_next_to_the_originals_are_not_read(originals, places, write_idx):
    """Other programs store the uncompressed files in the same folder."""
    folder = places["root"] / "FashionMNIST/raw"
    link(originals, folder)
    for path in originals.glob("*.gz"):
        (folder / path.stem).write_bytes(b"")
    write_idx(folder / "train-labels-idx1-ubyte", np.zeros(60_000, "u1"))
    assert load_fashion_mnist(places["root"]).train.labels[:5].tolist() == [9, 0, 0, 3, 0]


@pytest.mark.parametrize("missing", ["t10k-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"])
def test_an_incomplete_folder_is_not_used(missing, places, make_idx_folder, refused):
    (make_idx_folder(places["root"] / "fashion-mnist") / missing).unlink()
    make_idx_folder(places["cache"] / "fashion-mnist")
    with refused(DataError, places["cache"]):
        load_fashion_mnist(places["root"])


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"])
def test_one_changed_byte_in_any_file_is_detected(name, originals, places, refused):
    folder = places["root"] / "fashion-mnist"
    link(originals, folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).unlink()
    (folder / name).write_bytes(data)
    with refused(DataError, folder / name, "delete it to download it again"):
        load_fashion_mnist(places["root"])


@pytest.mark.parametrize(
    ("root", "named", "target"),
    [
        ("root", True, "root"),
        ("root", False, "root"),
        ("../data", True, "named"),
        ("../data", False, "cache"),
        (None, True, "named"),
        (None, False, "cache"),
    ],
)
def test_a_download_goes_to_the_first_folder_that_is_set(
    root, named, target, places, originals, server, monkeypatch
):
    """The two large files exist already, so that only the small ones are downloaded."""
    if not named:
        monkeypatch.delenv("HARDMAX_DATA")
    monkeypatch.setenv("HARDMAX_MIRROR", server.url + "mirror")
    folder = places[target] / "fashion-mnist"
    link(originals, folder)
    for path in originals.glob("*labels*.gz"):
        server.files[f"mirror/{path.name}"] = path.read_bytes()
        (folder / path.name).unlink()
    data = load_fashion_mnist(str(places["root"]) if root == "root" else root)
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert files(folder) == sorted(path.name for path in originals.glob("*.gz"))
    assert sorted(server.requests) == sorted(f"/{name}" for name in server.files)
    assert [name for name in places if places[name].exists()] == [target]


def test_everything_comes_from_the_mirror_that_is_set(places, originals, server, monkeypatch):
    monkeypatch.setenv("HARDMAX_MIRROR", server.url + "some/where/")
    server.files = {f"some/where/{path.name}": path.read_bytes() for path in originals.glob("*.gz")}
    data = load_fashion_mnist(places["root"])
    assert data.fingerprint == load_fashion_mnist(originals.parent).fingerprint
    assert sorted(server.requests) == sorted(f"/{name}" for name in server.files)


@pytest.mark.parametrize("response", [None, b"", b"<html>Sign in to the network</html>"])
def test_a_mirror_without_the_files_is_an_error_and_leaves_nothing(
    response, places, server, monkeypatch, refused
):
    monkeypatch.setenv("HARDMAX_MIRROR", server.url)
    if response is not None:
        server.files["train-images-idx3-ubyte.gz"] = response
    folder = places["root"] / "fashion-mnist"
    with refused(DownloadError, "train-images-idx3-ubyte.gz", server.host, folder):
        load_fashion_mnist(places["root"])
    assert files(folder) == []


def test_a_mirror_that_does_not_respond_is_an_error(places, dead, monkeypatch, refused):
    monkeypatch.setenv("HARDMAX_MIRROR", dead)
    with refused(DownloadError, "train-images-idx3-ubyte.gz", dead[7:-1], places["named"]):
        load("fashion-mnist")
    assert not any(path.is_file() for path in places["named"].rglob("*"))


@pytest.mark.parametrize("mirror", ["example.org/fashion", "/mnt/fashion"])
def test_a_mirror_that_is_not_a_url_is_named(mirror, places, monkeypatch, refused):
    monkeypatch.setenv("HARDMAX_MIRROR", mirror)
    with refused(DownloadError, mirror):
        load_fashion_mnist(places["root"])


def test_a_root_that_is_a_file_is_an_error(places, dead, monkeypatch, refused):
    monkeypatch.setenv("HARDMAX_MIRROR", dead)
    places["root"].write_text("here")
    with refused(DownloadError, places["root"], "Not a directory"):
        load_fashion_mnist(places["root"])


def test_a_folder_without_permission_is_an_error(places, locked, refused):
    with refused(DataError, locked):
        load_fashion_mnist(locked / "below")
