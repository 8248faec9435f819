"""Named arrays and a header in one file, written whole or not at all; never code."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hardmax.errors import RunError

__all__ = ["load", "save", "write_whole"]

#: The one entry of a safetensors file's own metadata that hardmax uses: a JSON object.
HEADER = "hardmax"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name and rename it. Raises RunError where that fails."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(f"cannot write {path}: {error.strerror}") from error


def save(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], header: dict) -> None:
    """Write ``arrays`` and the JSON object ``header`` as a safetensors file.

    Raises RunError where the file cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {HEADER: json.dumps(header, sort_keys=True)}
    write_whole(Path(path), to_bytes(contiguous, metadata))


def load(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what ``save`` wrote: the arrays and the header.

    Raises RunError where the file is missing, cut short, changed or not one of hardmax's.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        header = json.loads(metadata[HEADER])
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    except (KeyError, ValueError) as error:
        raise RunError(f"{path} has no header of hardmax's: {error}") from error
    return arrays, header
