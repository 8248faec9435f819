"""JSON Schemas of what models take and answer."""

import re
from typing import Any

from hardmax.data.tables.cells import BOOLEANS, LARGEST
from hardmax.data.tables.encoding import ColumnCode, Encoding
from hardmax.json_values import Json
from hardmax.serving.cells import PLAIN
from hardmax.serving.model import ServedModel, TensorSpec

__all__ = ["DESCRIBED", "ERROR", "TENSORS", "answer_of", "found_by", "inference_of", "row_of"]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {**TEXT, "description": "What is wrong, and what to do."}},
}

#: Dates by the styles in which only the order tells the day and the month.
DAY, MONTH, YEAR = r"(0[1-9]|1\d|2[0-8])", r"(0[1-9]|1[0-2])", r"2\d{3}"
ORDERED = {"day-first": f"{DAY}/{MONTH}/{YEAR}", "month-first": f"{MONTH}/{DAY}/{YEAR}"}

#: A number as texts have it.
NUMBER = r"[+-]?([0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})([eE][+-]?[0-9]{1,2})?"

#: The image in the schema of a request of the protocol.
SHAPE = (1, 4, 4, 3)

TENSORS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": TEXT,
            "datatype": {"enum": ["BYTES", "FP32", "FP64", "UINT8"]},
            "shape": {"type": "array", "items": {"type": "integer"}},
        },
    },
}

DESCRIBED: Schema = {
    "type": "object",
    "required": ["name", "kind", "classes", "decides", "columns", "metrics"],
    "properties": {
        "name": TEXT,
        "kind": {"enum": ["images", "table"]},
        "classes": {"type": "array", "items": TEXT},
        "decides": {"type": "boolean"},
        "input_shape": {"type": ["array", "null"], "items": {"type": "integer"}},
        "columns": {"type": "array", "items": {"type": "object"}},
        "metrics": {"type": "object"},
    },
}


def row_of(model: ServedModel) -> Schema:
    """Return the schema of a row, an object with its cells."""
    encoding = model.run.encoding
    assert isinstance(encoding, Encoding)
    cells: Schema = {
        code.name: _cell(code, spec, encoding.missing)
        for code, spec in zip(encoding.columns, model.inputs, strict=True)
    }
    return {"type": "object", "required": [*cells], "properties": cells}


def _cell(code: ColumnCode, spec: TensorSpec, missing: tuple[str, ...]) -> Schema:
    """Return the schema of a cell; other texts may be read as well, such as other dates."""
    if code.odd or code.kind in ("category", "text"):
        return {"type": ["string", "number", "boolean", "null"], "pattern": "^[^\\u0000]*$"}
    allowed: list[Schema] = [{"type": "null"}]
    if code.kind == "number":
        allowed.append({"type": "number", "minimum": -LARGEST, "maximum": LARGEST})
    elif code.kind == "boolean":
        allowed.append({"type": "boolean"})
        if BOOLEANS["1/0"] == BOOLEANS[code.style or code.kind]:
            allowed.append({"enum": [0, 1]})
    plainly = NUMBER if spec.datatype == "FP64" else _plainly(code.style or code.kind)
    plainly = plainly.replace("\\d", "[0-9]")
    texts = [f"({_any_case(plainly) if code.kind == 'boolean' else plainly})"]
    texts += [_any_case(re.escape(text)) for text in missing if text]
    return {"anyOf": [*allowed, {"type": "string", "pattern": f"^ *({'|'.join(texts)})? *$"}]}


def _plainly(style: str) -> str:
    """Return a pattern of texts that surely are values of a style."""
    return ORDERED[style] if style in ORDERED else PLAIN[style].pattern


def _any_case(pattern: str) -> str:
    """Return a pattern for letters in any case, which JSON Schema has no flag for."""
    return re.sub(
        r"\\?[A-Za-z]",
        lambda found: f"[{found[0].lower()}{found[0].upper()}]" if len(found[0]) == 1 else found[0],
        pattern,
    )


def answer_of(model: ServedModel) -> Schema:
    """Return the schema of the answer to a plain request."""
    probability: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    place: Schema = {"file": {"type": ["string", "null"]}}
    if model.kind == "table":
        place = {"row": {"type": "integer", "minimum": 1}}
    prediction: Schema = {
        **place,
        "label": {"enum": [*model.classes]},
        "probability": probability,
        "probabilities": {
            "type": "object",
            "required": [*model.classes],
            "properties": dict.fromkeys(model.classes, probability),
        },
    }
    if model.decides:
        prediction["decision"] = {
            "type": ["string", "null"],
            "description": "null is to abstain",
        }
    one = {"type": "object", "required": [*prediction], "properties": prediction}
    return {
        "type": "object",
        "required": ["model", "predictions"],
        "properties": {
            "model": {"const": model.name},
            "predictions": {"type": "array", "items": one, "minItems": 1},
        },
    }


def inference_of(model: ServedModel) -> Schema:
    """Return the schema of a request of the protocol, for one example.

    JSON Schema cannot say that the data of a tensor go with its shape.
    """
    inputs = [_input(spec) for spec in model.inputs]
    names = [spec.name for spec in model.outputs]
    flag: Schema = {"type": "boolean"}
    output: Schema = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"enum": names},
            "parameters": {
                "type": "object",
                "properties": {"binary_data": flag},
                "additionalProperties": False,
            },
        },
    }
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": TEXT,
            "parameters": {"type": "object", "properties": {"binary_data_output": flag}},
            "inputs": {
                "type": "array",
                "prefixItems": inputs,
                "items": False,
                "minItems": len(inputs),
            },
            "outputs": {"type": "array", "items": output, "minItems": 1},
        },
    }


def _input(spec: TensorSpec) -> Schema:
    values: dict[str, Schema] = {
        "UINT8": {"type": "integer", "minimum": 0, "maximum": 255},
        "FP64": {"type": ["number", "null"]},
        "BYTES": {"type": "string"},
    }
    is_image = len(spec.shape) > 1
    count = SHAPE[1] * SHAPE[2] * SHAPE[3] if is_image else 1
    return {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {
            "name": {"const": spec.name},
            "datatype": {"const": spec.datatype},
            "shape": {"const": [*SHAPE] if is_image else [1]},
            "data": {
                "type": "array",
                "items": values[spec.datatype],
                "minItems": count,
                "maxItems": count,
            },
            "parameters": {"type": "object", "maxProperties": 0},
        },
    }


def found_by(model: ServedModel) -> Schema:
    """Return the schema of the answer to a request of the protocol."""
    output: Schema = {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"enum": [spec.name for spec in model.outputs]},
            "datatype": {"enum": sorted({spec.datatype for spec in model.outputs})},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array", "items": {"type": ["string", "number", "null"]}},
            "parameters": {"type": "object"},
        },
    }
    properties: dict[str, Json] = {
        "model_name": {"const": model.name},
        "id": TEXT,
        "outputs": {"type": "array", "items": output, "minItems": 1},
    }
    return {"type": "object", "required": ["model_name", "outputs"], "properties": properties}
