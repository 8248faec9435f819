"""Reads the tensors in files that PyTorch saved before version 1.6, without PyTorch.

Such a file is a sequence of pickles, followed by the bytes of the tensors. A pickle can execute any
code; this reader refuses those that name anything else than tensors. It does not limit the memory
that a pickle takes: read only files whose checksum is known.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hardmax.errors import DataError

__all__ = ["read_torch_file"]

#: The first pickle of such a file, and the second, its version.
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


class _Storage(NamedTuple):
    """The elements that one or more tensors share."""

    key: str
    dtype: np.dtype


class _Tensor(NamedTuple):
    """A tensor: where it starts in its storage, in elements, and its shape and strides."""

    storage: _Storage
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(
    storage: _Storage, start: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, start, shape, strides)


#: All that such a pickle may name.
ALLOWED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle names. Raises DataError unless it is allowed."""
        if (module, name) not in ALLOWED:
            raise DataError(f"it would execute {module}.{name}")
        found = ALLOWED[module, name]
        # A new one each time, because a pickle can set attributes of what it names.
        return partial(_tensor) if found is _tensor else found

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage with an identifier: its kind, type, key, device, size and view."""
        kind, dtype, key, _, _, view = pid
        if kind != "storage" or view is not None:
            raise DataError("it has parts of storages")
        return _Storage(key, dtype)


def read_torch_file(content: bytes, where: str) -> dict[str, np.ndarray]:
    """Return the tensors in the bytes of a file, by name and in their order.

    ``where`` starts the message of DataError, which is raised if the file cannot be read without
    executing code.
    """
    try:
        return _read(io.BytesIO(content))
    except DataError as error:
        raise DataError(f"{where} is not a file of weights: {error}") from error
    except Exception as error:  # pickles fail in many ways
        raise DataError(
            f"{where} is not a file of weights that PyTorch saved ({error}); save them as "
            "safetensors"
        ) from error


def _read(file: io.BytesIO) -> dict[str, np.ndarray]:
    if file.getvalue().startswith(b"PK"):
        raise DataError("PyTorch 1.6 or later saved it; save the weights as safetensors")
    magic, version, _, state, keys = (_Unpickler(file).load() for _ in range(5))
    if (magic, version) != (MAGIC, VERSION):
        raise DataError("it has another format; save the weights as safetensors")
    storages = {}
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in state.values()}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key], count)
    return {name: _array(tensor, storages[tensor.storage.key]) for name, tensor in state.items()}


def _array(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    """Return a tensor. Raises ValueError if it is larger than its storage, or goes beyond it."""
    if prod(tensor.shape) > storage.size:
        raise ValueError("a tensor has more elements than its storage")
    strides = tuple(step * storage.itemsize for step in tensor.strides)
    start = tensor.start * storage.itemsize
    view: np.ndarray = np.ndarray(tensor.shape, storage.dtype, storage.data, start, strides)
    return np.ascontiguousarray(view).reshape(tensor.shape)
