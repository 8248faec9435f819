"""From what a person names to a data set."""

import difflib
import os
from pathlib import Path

from hardmax.data.arrays import Dataset
from hardmax.data.digits import load_digits
from hardmax.data.fashion_mnist import load_fashion_mnist
from hardmax.data.idx_folder import read_idx_folder
from hardmax.errors import DataError

__all__ = ["NAMED", "load"]

#: The data sets that are known by name.
NAMED = {"digits": load_digits, "fashion-mnist": load_fashion_mnist}


def load(source: str) -> Dataset:
    """Return the data set called ``source``, or the one in the folder of that path.

    Raises DataError where there is neither, and what the data set's reader raises.
    """
    if source in NAMED:
        return NAMED[source]()
    path = Path(source)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except PermissionError as error:
        raise DataError(f"cannot look at {path}: {error.strerror}") from error
    except OSError:  # what is no path at all, such as a name that is too long
        is_folder = exists = False
    if is_folder:
        return read_idx_folder(path, path.resolve().name)
    if exists:
        raise DataError(f"{path} is a file; give the folder that holds the four IDX files")
    known = ", ".join(NAMED)
    if os.sep in source:
        raise DataError(
            f"no such folder: {source!r}; give a folder of IDX files, or one of {known}"
        )
    near = difflib.get_close_matches(source.lower(), NAMED, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {known}, or a folder of IDX files"
    raise DataError(f"unknown data {source!r}; {hint}")
