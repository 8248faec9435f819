"""Named arrays and a header in one file, written whole or not at all; never code."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hardmax.errors import RunError
from hardmax.files import write_whole

__all__ = ["describe", "load", "save"]

#: The one entry of a safetensors file's own metadata that hardmax uses: a JSON object.
HEADER = "hardmax"


def save(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], header: dict) -> None:
    """Write ``arrays`` and the JSON object ``header`` as a safetensors file.

    Raises RunError where the file cannot be written, or cannot hold such an array or name.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save as to_bytes

    # np.ascontiguousarray would give a scalar a dimension.
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    try:
        if "__metadata__" in contiguous:
            raise SafetensorError("no array can be called '__metadata__'")
        data = to_bytes(contiguous, {HEADER: json.dumps(header, sort_keys=True)})
    except (SafetensorError, UnicodeEncodeError) as error:
        raise RunError(f"cannot write {path}: {error}") from error
    write_whole(Path(path), data)


def load(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what ``save`` wrote: the arrays and the header.

    Raises RunError where the file is missing, damaged or not one of hardmax's.
    """
    with _opened(path) as (opened, header):
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return arrays, header


def describe(
    path: str | os.PathLike,
) -> tuple[dict[str, tuple[str, tuple[int, ...]]], dict[str, Any]]:
    """Return what ``load`` would read, without reading it: each array's type and shape.

    The types are called as in the file, such as F32. Raises what ``load`` raises.
    """
    with _opened(path) as (opened, header):
        slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
        arrays = {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
    return arrays, header


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Give the opened file and its header, and tell of whatever is wrong with it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            header = json.loads((opened.metadata() or {})[HEADER])
            yield opened, header
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    except (AttributeError, TypeError) as error:
        raise RunError(f"{path} holds arrays that NumPy cannot: {error}") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise RunError(f"{path} has no header of hardmax's: {error}") from error
