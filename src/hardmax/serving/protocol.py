"""The Open Inference Protocol, version 2, over REST: its requests and responses as JSON and bytes.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
with Triton's extension for binary tensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hardmax import __version__
from hardmax.checks import listed, shortened
from hardmax.json_values import Json
from hardmax.serving.bodies import from_json, to_json
from hardmax.serving.errors import RequestError
from hardmax.serving.model import ServedModel, TensorSpec
from hardmax.serving.tensors import packed, tensor_of_bytes, tensor_of_data

__all__ = ["HEAD_LENGTH", "SERVER", "Inference", "metadata", "parse", "respond"]

#: The header that says how many bytes of a body are JSON; binary tensors follow.
HEAD_LENGTH = "inference-header-content-length"

#: Each size in a shape is smaller.
LARGEST = 2**31

SERVER: Json = {
    "name": "hardmax",
    "version": __version__,
    "extensions": ["binary_tensor_data"],
}


class Requested(NamedTuple):
    """An output that a request wants, as bytes or as JSON."""

    name: str
    binary: bool


@dataclass(frozen=True)
class Inference:
    """A request: the model's inputs by name, and the outputs it wants in their order."""

    id: str | None
    feeds: dict[str, np.ndarray]
    outputs: Sequence[Requested]


def metadata(model: ServedModel) -> Json:
    """Return what the protocol says of a model."""
    return {
        "name": model.name,
        "platform": "onnxruntime_onnx",
        "inputs": [one._asdict() for one in model.inputs],
        "outputs": [one._asdict() for one in model.outputs],
    }


def parse(content: bytes, head_length: str | None, model: ServedModel) -> Inference:
    """Return the request in a body. Raises RequestError unless it fits the model.

    ``head_length`` is the value of the header HEAD_LENGTH.
    """
    head, tail = content, memoryview(b"")
    if head_length is not None:
        size = _size(head_length, len(content))
        head, tail = content[:size], memoryview(content)[size:]
    request = _object(from_json(head), "the request")
    identity = request.get("id")
    if "id" in request and not isinstance(identity, str):
        raise RequestError("id must be a text")
    return Inference(identity, _feeds(request, tail, model), _requested(request, model))


def _size(text: str, most: int) -> int:
    # Of the digits of Unicode, a header has only those of ASCII.
    size = int(text) if text.isdecimal() and text.isascii() and len(text) < 20 else -1
    if not 0 <= size <= most:
        raise RequestError(
            f"the header {HEAD_LENGTH} must be the number of bytes of the JSON, at most {most}, "
            f"the bytes of the body"
        )
    return size


def _feeds(request: dict[str, Any], tail: memoryview, model: ServedModel) -> dict[str, np.ndarray]:
    """Return the inputs of a request; binary ones follow each other in ``tail``."""
    specs = {spec.name: spec for spec in model.inputs}
    feeds: dict[str, np.ndarray] = {}
    for entry in _array(request.get("inputs"), "inputs"):
        tensor = _object(entry, "an input")
        name = tensor.get("name")
        if not isinstance(name, str) or name not in specs:
            raise RequestError(
                f"the model has no input {shortened(repr(name))}; it has {listed(specs)}"
            )
        if name in feeds:
            raise RequestError(f"the input {name!r} was given twice")
        feeds[name], tail = _tensor(tensor, specs[name], tail)
    if len(tail):
        raise RequestError(f"{len(tail)} bytes follow the last binary input; send no others")
    if missing := specs.keys() - feeds.keys():
        names = listed(name for name in specs if name in missing)
        raise RequestError(f"the request lacks the model's input {names}")
    counts = {len(tensor) for tensor in feeds.values()}
    if len(counts) > 1:
        raise RequestError(
            f"all inputs must have the same number of examples, got {listed(map(str, counts))}"
        )
    return feeds


def _tensor(
    tensor: dict[str, Any], spec: TensorSpec, tail: memoryview
) -> tuple[np.ndarray, memoryview]:
    """Return an input of a request, and what of the binary inputs follows it."""
    if tensor.get("datatype") != spec.datatype:
        raise RequestError(
            f"the input {spec.name!r} must have the datatype {spec.datatype}, "
            f"got {shortened(repr(tensor.get('datatype')))}"
        )
    shape = _shape(tensor.get("shape"), spec)
    parameters = _object(tensor.get("parameters", {}), "parameters")
    _check_known(parameters, ("binary_data_size",), f"the input {spec.name!r}")
    size = parameters.get("binary_data_size")
    if size is None:
        if "data" not in tensor:
            raise RequestError(f"the input {spec.name!r} has no data")
        return tensor_of_data(tensor["data"], spec, shape), tail
    if type(size) is not int or not 0 <= size <= len(tail):
        raise RequestError(
            f"binary_data_size of the input {spec.name!r} must be from 0 to {len(tail)}, the "
            "bytes that are left in the body"
        )
    if "data" in tensor:
        raise RequestError(f"the input {spec.name!r} has data and binary data; send one of them")
    return tensor_of_bytes(tail[:size], spec, shape), tail[size:]


def _shape(value: object, spec: TensorSpec) -> tuple[int, ...]:
    """Return a shape that fits an input: a column of a table may also be (n, 1)."""
    shape = tuple(value) if isinstance(value, list) else ()
    fits = len(shape) == len(spec.shape) or (len(spec.shape) == 1 and shape[1:] == (1,))
    if not fits or not all(type(size) is int and 0 < size < LARGEST for size in shape):
        wanted = "[n]" if len(spec.shape) == 1 else "[n, height, width, channels]"
        raise RequestError(
            f"the input {spec.name!r} must have a shape {wanted} without zeros, "
            f"got {shortened(repr(value))}"
        )
    return shape


def _requested(request: dict[str, Any], model: ServedModel) -> list[Requested]:
    """Return the outputs that a request wants, by default all of them."""
    parameters = _object(request.get("parameters", {}), "parameters")
    by_default = _flag(parameters, "binary_data_output")
    names = [output.name for output in model.outputs]
    if "outputs" not in request:
        return [Requested(name, by_default) for name in names]
    requested: dict[str, Requested] = {}
    for entry in _array(request["outputs"], "outputs"):
        output = _object(entry, "an output")
        name = output.get("name")
        if name not in names:
            raise RequestError(
                f"the model has no output {shortened(repr(name))}; it has {listed(names)}"
            )
        parameters = _object(output.get("parameters", {}), "parameters")
        _check_known(parameters, ("binary_data",), f"the output {name!r}")
        requested[name] = Requested(name, _flag(parameters, "binary_data", by_default))
    return [*requested.values()]


def respond(
    inference: Inference, model: ServedModel, found: dict[str, np.ndarray]
) -> tuple[bytes, int | None]:
    """Return the body of a response with the outputs that a request wants.

    Also return how many of its bytes are JSON, or None if all are.
    """
    types = {output.name: output.datatype for output in model.outputs}
    outputs: list[Json] = []
    binary: list[bytes] = []
    for name, is_binary in inference.outputs:
        values = found[name]
        output: dict[str, Json] = {
            "name": name,
            "datatype": types[name],
            "shape": values.shape,
        }
        if is_binary:
            binary.append(packed(values))
            output["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            output["data"] = values.ravel().tolist()
        outputs.append(output)
    head: dict[str, Json] = {"model_name": model.name, "outputs": outputs}
    if inference.id is not None:
        head["id"] = inference.id
    content = to_json(head)
    return (b"".join([content, *binary]), len(content)) if binary else (content, None)


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(f"{what} must be a JSON object, got {_kind(value)}")
    return value


def _array(value: object, what: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        got = "an empty one" if value == [] else "none" if value is None else _kind(value)
        raise RequestError(f"{what} must be a JSON array with at least one entry, got {got}")
    return value


def _kind(value: object) -> str:
    """Return what JSON calls the type of a value."""
    kinds = {type(None): "null", bool: "a boolean", str: "a string", dict: "an object"}
    return "an array" if isinstance(value, list) else kinds.get(type(value), "a number")


def _flag(parameters: dict[str, Any], name: str, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise RequestError(f"{name} must be true or false, got {_kind(value)}")
    return value


def _check_known(parameters: dict[str, Any], known: Sequence[str], what: str) -> None:
    """Raise RequestError for a parameter that would change the answer if it were heeded."""
    if unknown := parameters.keys() - {*known}:
        raise RequestError(f"{what} has the unsupported parameter {listed(sorted(unknown))}")
