"""Tensors of the Open Inference Protocol, as JSON and as bytes."""

import struct
from math import prod
from typing import Any

import numpy as np

from hardmax.serving.errors import RequestError
from hardmax.serving.model import TensorSpec

__all__ = ["packed", "tensor_of_bytes", "tensor_of_data"]

#: The types of numbers in binary tensors, which are little-endian, and those of BYTES in NumPy.
DTYPES: dict[str, np.dtype[Any]] = {"UINT8": np.dtype("u1"), "FP64": np.dtype("<f8")}

#: The length of a text stands before it, in four bytes.
LENGTH = struct.Struct("<I")


def tensor_of_data(data: object, spec: TensorSpec, shape: tuple[int, ...]) -> np.ndarray:
    """Return a tensor from its values in JSON, nested by its shape or flat.

    The result has the shape, but (n, 1) becomes (n,). Texts have dtype object; null is NaN.
    """
    values = _flat(data, spec, shape)
    if spec.datatype == "BYTES":
        if not all(type(value) is str for value in values):
            raise _misfit(spec)
        found = np.array(values, object)
    else:
        found = _numbers(values, spec)
    return found.reshape(shape if len(spec.shape) > 1 else -1)


def _flat(data: object, spec: TensorSpec, shape: tuple[int, ...]) -> list[Any]:
    """Return the values of arrays that are flat, or nested by a shape, row by row."""
    count = prod(shape)
    values = data if isinstance(data, list) else []
    if values and isinstance(values[0], list):
        for size in shape[1:]:
            if not all(isinstance(value, list) and len(value) == size for value in values):
                raise RequestError(
                    f"the data of the input {spec.name!r} must be flat, or nested by its shape "
                    f"{[*shape]}"
                )
            values = [inner for value in values for inner in value]
    if len(values) != count:
        raise RequestError(
            f"the data of the input {spec.name!r} must be an array of {count} values, as its "
            f"shape has, got {len(values)}"
        )
    return values


def _numbers(values: list[Any], spec: TensorSpec) -> np.ndarray:
    is_whole = spec.datatype == "UINT8"
    try:
        if not {*map(type, values)} <= {int, float, *(() if is_whole else (type(None),))}:
            raise ValueError
        found = np.array(values, np.float64)
    except (ValueError, OverflowError) as error:
        raise _misfit(spec) from error
    if not is_whole:
        return found
    if not ((found >= 0) & (found <= 255)).all() or (found % 1).any():
        raise _misfit(spec)
    return found.astype(np.uint8)


def _misfit(spec: TensorSpec) -> RequestError:
    wanted = {"UINT8": "integers from 0 to 255", "FP64": "numbers or null", "BYTES": "texts"}
    return RequestError(f"the data of the input {spec.name!r} must be {wanted[spec.datatype]}")


def tensor_of_bytes(content: memoryview, spec: TensorSpec, shape: tuple[int, ...]) -> np.ndarray:
    """Return a tensor from its binary form; shape and type are those of ``tensor_of_data``."""
    count = prod(shape)
    if spec.datatype == "BYTES":
        return np.array(_texts(content, spec, count), object)
    dtype = DTYPES[spec.datatype]
    if len(content) != count * dtype.itemsize:
        raise RequestError(
            f"the input {spec.name!r} must have {count * dtype.itemsize} bytes for its shape, got "
            f"{len(content)}"
        )
    found = np.frombuffer(content, dtype)
    return found.reshape(shape if len(spec.shape) > 1 else -1)


def _texts(content: memoryview, spec: TensorSpec, count: int) -> list[str]:
    """Return texts in UTF-8 that follow each other, each after its length."""
    texts: list[str] = []
    at = 0
    try:
        while at < len(content) and len(texts) < count:
            (length,) = LENGTH.unpack_from(content, at)
            at += LENGTH.size + length
            texts.append(str(content[at - length : at], "utf-8"))
    except (struct.error, UnicodeDecodeError) as error:
        raise RequestError(
            f"the binary data of the input {spec.name!r} must be texts in UTF-8, each after its "
            "length in 4 bytes"
        ) from error
    if at != len(content) or len(texts) != count:
        raise RequestError(
            f"the binary data of the input {spec.name!r} must have {count} texts, as its shape "
            "has, and no more bytes than they take"
        )
    return texts


def packed(values: np.ndarray) -> bytes:
    """Return the binary form of a tensor of texts or of float32."""
    if values.dtype != object:
        return values.astype("<f4", copy=False).tobytes()
    texts = [text.encode() for text in values.ravel()]
    return b"".join(part for text in texts for part in (LENGTH.pack(len(text)), text))
