"""Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 70,000 grayscale images of clothes, 28 x 28."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from hardmax.data.datasets import Dataset, Images
from hardmax.data.download import fetch, user_cache
from hardmax.data.images.idx import IdxFile
from hardmax.data.images.resizing import resize
from hardmax.data.options import ReadingOptions
from hardmax.errors import DataError
from hardmax.files import open_regular

__all__ = ["CLASSES", "load_fashion_mnist", "text_labels"]

CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

SIZE = (28, 28)

#: The four original files and their SHA-256.
FILES = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}

#: The most bytes of a file that may be one of them: the largest has 26,421,880.
MAX_BYTES = 2**25

#: Where to download the files, tried in this order. If HARDMAX_MIRROR is set, only it is tried.
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)

#: The book's default ``root``, so not a choice of the caller's.
DEFAULT_ROOT = "../data"


def text_labels(labels: object) -> list[str]:
    """Return the class names of integer labels."""
    return [CLASSES[int(label)] for label in labels]  # type: ignore[attr-defined]


def load_fashion_mnist(
    root: str | os.PathLike[str] | None = None, size: tuple[int, int] = SIZE
) -> Dataset:
    """Return Fashion-MNIST, scaled to ``size`` (height, width), downloading it if necessary.

    Searches ``root``, the folder HARDMAX_DATA, the book's default root ``../data`` unless another
    one is given, and the per-user cache; in each, ``fashion-mnist`` and ``FashionMNIST/raw``.
    Downloads to ``root``, else to HARDMAX_DATA, else to the cache. Raises DataError if a file is
    not the original, DownloadError if the download fails.
    """
    dataset = _read(_find(root))
    if size == SIZE:
        return dataset
    train, test = (
        Images(resize(part.inputs, size, ReadingOptions(resize="squash")), part.labels)
        for part in (dataset.train, dataset.test)
    )
    return Dataset(dataset.name, train, test, CLASSES)


def _find(root: str | os.PathLike[str] | None) -> Path:
    """Return the folder with the four files, downloading them if necessary."""
    chosen_root = None if root is None or str(root) == DEFAULT_ROOT else Path(root)
    variable = os.environ.get("HARDMAX_DATA")
    data_folder = Path(variable) if variable else None
    # A folder that the user has set comes before one that merely is next to the working folder.
    places = [chosen_root, data_folder, None if chosen_root else Path(DEFAULT_ROOT), user_cache()]
    roots = [place for place in places if place is not None]
    for place in roots:
        for folder in (place / "fashion-mnist", place / "FashionMNIST" / "raw"):
            if all(_is_file(folder / name) for name in FILES):
                return folder.resolve()
    target = chosen_root or data_folder or user_cache()
    folder = target.resolve() / "fashion-mnist"
    mirror = os.environ.get("HARDMAX_MIRROR")
    mirrors = [mirror.rstrip("/") + "/"] if mirror else MIRRORS
    for name, sha256 in FILES.items():
        fetch([base + name for base in mirrors], folder, name, f"sha256:{sha256}")
    return folder


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise DataError(f"cannot read the folder {path.parent}: {error.strerror}") from error


@lru_cache(maxsize=1)
def _read(folder: Path) -> Dataset:
    """Read the four files, once per process: the images are read-only and can be shared."""
    train, test = (
        Images(
            _original(folder / f"{prefix}-images-idx3-ubyte.gz")[..., np.newaxis],
            _original(folder / f"{prefix}-labels-idx1-ubyte.gz"),
        )
        for prefix in ("train", "t10k")
    )
    return Dataset("fashion-mnist", train, test, CLASSES)


def _original(path: Path) -> np.ndarray:
    """Return the array in one of the four files, read from the same open file as was checked."""
    with open_regular(path, MAX_BYTES) as file:
        found, sha256 = hashlib.file_digest(file, "sha256").hexdigest(), FILES[path.name]
        if found != sha256:
            raise DataError(
                f"{path} is not the original file: its SHA-256 is {found[:12]}..., not "
                f"{sha256[:12]}...; delete it to download it again"
            )
        file.seek(0)
        return IdxFile(file, path).read()
