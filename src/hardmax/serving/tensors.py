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
    values = _flat(data, spec, prod(shape))
    if spec.datatype == "BYTES":
        if not all(type(value) is str for value in values):
            raise RequestError(f"the data of the input {spec.name!r} must be texts")
        found = np.array(values, object)
    else:
        found = _numbers(values, spec)
    return found.reshape(shape if len(spec.shape) > 1 else -1)


def _flat(data: object, spec: TensorSpec, count: int) -> list[Any]:
    """Return the values of nested arrays, row by row."""
    values = data
    while isinstance(values, list) and values and isinstance(values[0], list):
        if not all(isinstance(value, list) for value in values):
            raise RequestError(f"the data of the input {spec.name!r} are nested unevenly")
        values = [inner for value in values for inner in value]
    if not isinstance(values, list) or len(values) != count:
        found = f"{len(values)} values" if isinstance(values, list) else "no array"
        raise RequestError(
            f"the data of the input {spec.name!r} must have as many values as its shape, {count}; "
            f"got {found}"
        )
    return values


def _numbers(values: list[Any], spec: TensorSpec) -> np.ndarray:
    allowed = {int} if spec.datatype == "UINT8" else {int, float, type(None)}
    if not {*map(type, values)} <= allowed:
        wanted = "integers from 0 to 255" if spec.datatype == "UINT8" else "numbers or null"
        raise RequestError(f"the data of the input {spec.name!r} must be {wanted}")
    try:
        if spec.datatype == "UINT8":
            return np.frombuffer(bytes(values), np.uint8)
        return np.array(values, np.float64)
    except (ValueError, OverflowError) as error:
        raise RequestError(
            f"the data of the input {spec.name!r} has a number that {spec.datatype} cannot hold"
        ) from error


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
