"""Files of named arrays and a JSON header, written atomically; they never contain code."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hardmax.errors import RunError
from hardmax.files import open_regular, write_whole

__all__ = ["describe", "load", "save", "widened"]

#: The most bytes of a file's header: the encoding of 100,000 columns of numbers has 20,000,000.
MAX_HEADER = 2**26

#: The key that hardmax uses in a safetensors file's metadata; its value is a JSON object.
HEADER = "hardmax"


def save(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], header: Mapping[str, object]
) -> None:
    """Write ``arrays`` and the JSON object ``header`` as a safetensors file.

    Raises RunError if the file cannot be written, or if the format does not support an array's
    dtype or name.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save as to_bytes

    text = json.dumps(header, sort_keys=True)
    if len(text) > MAX_HEADER:
        raise RunError(
            f"cannot write {path}: its header would have {len(text)} bytes; at most {MAX_HEADER} "
            "are allowed"
        )
    # np.ascontiguousarray would turn a scalar into a vector.
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    try:
        if "__metadata__" in contiguous:
            raise SafetensorError("an array cannot be named '__metadata__'")
        data = to_bytes(contiguous, {HEADER: text})
    except (SafetensorError, UnicodeEncodeError) as error:
        raise RunError(f"cannot write {path}: {error}") from error
    write_whole(Path(path), data)


def widened(array: np.ndarray) -> np.ndarray:
    """Return an array; of a type that NumPy lacks, such as bfloat16, in float32.

    That has all values of such types.
    """
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def load(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the header of a file written by ``save``.

    Raises RunError if the file is missing, damaged or not written by hardmax.
    """
    with _opened(path) as (opened, header):
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return arrays, header


def describe(
    path: str | os.PathLike[str],
) -> tuple[dict[str, tuple[str, tuple[int, ...]]], dict[str, Any]]:
    """Return the dtype and shape of each array, and the header, without reading the arrays.

    The dtypes are named as in the file, such as F32. Raises the same errors as ``load``.
    """
    with _opened(path) as (opened, header):
        slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
        arrays = {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
    return arrays, header


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Open a file and parse its header, turning every failure into a RunError."""
    from safetensors import SafetensorError, safe_open

    _check_header_size(Path(path))
    try:
        with safe_open(path, framework="numpy") as opened:
            header = json.loads((opened.metadata() or {})[HEADER])
            yield opened, header
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    except (AttributeError, TypeError) as error:
        raise RunError(f"{path} has arrays of a dtype that NumPy lacks: {error}") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise RunError(f"{path} does not have a hardmax header: {error}") from error


def _check_header_size(path: Path) -> None:
    """Raise RunError if the header is too large; its size is in the file's first eight bytes."""
    try:
        with open_regular(path, error=RunError) as file:
            size = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    if size > MAX_HEADER:
        raise RunError(f"{path} has a header of {size} bytes; at most {MAX_HEADER} are allowed")
