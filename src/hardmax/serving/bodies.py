"""JSON in the bodies of requests and responses."""

import json
import math
from typing import Any, NoReturn

from hardmax.serving.errors import RequestError

__all__ = ["from_json", "to_json"]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# Made once: json.loads would make a decoder per call.
_decode = json.JSONDecoder(parse_constant=_refuse).decode
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def from_json(content: bytes) -> Any:
    """Return the value of a JSON text in UTF-8. Raises RequestError for anything else."""
    try:
        text = content.decode("utf-8-sig")
        value = _decode(text)
        if "\\u" in text:
            _encode(value).encode()  # lone surrogates cannot be encoded
    except UnicodeError as error:
        raise RequestError("the JSON is not text in UTF-8; encode it as UTF-8") from error
    except RecursionError as error:
        raise RequestError("the JSON is nested too deeply; send it flat") from error
    except json.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    except ValueError as error:
        raise RequestError(
            "the JSON has NaN, an infinity or a number of too many digits"
        ) from error
    return value


def to_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8; NaN and infinities become null."""
    try:
        return _encode(value).encode()
    except ValueError:
        return _encode(_finite(value)).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
