"""The OpenAPI description of a server, made from the models it has."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from hardmax import __version__
from hardmax.serving import schemas
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel
from hardmax.serving.schemas import Schema

__all__ = ["describe"]

Operation = dict[str, Any]

#: What the statuses of errors mean.
ERRORS = {
    400: "The request is malformed, or does not fit the model.",
    401: "The token is wrong or missing.",
    403: "A page of another site made the request.",
    404: "There is no such model.",
    408: "The body did not arrive in time.",
    413: "The body, an image or the number of examples is too large.",
    415: "The model does not take content of this type.",
    421: "The request is for another host.",
    503: "The server is overloaded; try again after the seconds of Retry-After.",
}

#: Those of requests with a body.
OF_POSTS = (400, 403, 408, 413, 415, 503)


def describe(models: Sequence[ServedModel], limits: Limits, *, has_token: bool) -> dict[str, Any]:
    """Return the description of all routes, a document of OpenAPI 3.1."""
    paths: dict[str, dict[str, Operation]] = {"/predict": {"post": _predict(models, limits)}}
    for model in models:
        paths |= _protocol(model)
    paths |= _of_server() | _pages(models)
    surrounding = {401: has_token, 421: not has_token}
    for path, operations in paths.items():
        for operation in operations.values():
            if path.startswith("/v2/health"):
                operation["security"] = []
            statuses = [status for status, occurs in surrounding.items() if occurs]
            operation["responses"] |= _errors(statuses)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "hardmax",
            "version": __version__,
            "summary": "Classifies " + " and ".join(sorted({one.kind for one in models})),
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": {
                "Error": schemas.ERROR,
                **{_row(model): schemas.row_of(model) for model in models if model.kind == "table"},
            }
        },
    }
    if has_token:
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "password": {
                "type": "http",
                "scheme": "basic",
                "description": "The token is the password.",
            },
        }
        document["security"] = [{"bearer": []}, {"password": []}]
    return document


def _predict(models: Sequence[ServedModel], limits: Limits) -> Operation:
    names = [model.name for model in models]
    tables = [model for model in models if model.kind == "table"]
    images = [model for model in models if model.kind == "images"]
    content: dict[str, Schema] = {}
    if tables:
        rows = [{"$ref": f"#/components/schemas/{_row(model)}"} for model in tables]
        row = rows[0] if len(rows) == 1 else {"anyOf": rows}
        several = {"type": "array", "items": row, "minItems": 1, "maxItems": limits.rows}
        content["application/json"] = {"schema": {"anyOf": [row, several]}}
        content["text/csv"] = {}
    if images:
        content["image/*"] = {}
        content["application/octet-stream"] = {}
        content["multipart/form-data"] = {
            "schema": _object(file={"type": "string", "format": "binary"}),
            "encoding": {"file": {"contentType": "image/*"}},
        }
    answers = [schemas.answer_of(model) for model in models]
    return {
        "operationId": "predict",
        "summary": "Classify images, or the rows of a table",
        "description": (
            "Send an image file as it is, or several in a form, under any names; rows as JSON or "
            "CSV, or a CSV file in a form."
        ),
        "parameters": [
            {
                "name": "model",
                "in": "query",
                "required": len(models) > 1,
                "schema": {"enum": names},
                "description": "The name of the model; needed if there are several.",
            }
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {
            **_found({"anyOf": answers} if len(answers) > 1 else answers[0]),
            **_errors((*OF_POSTS, 404)),
        },
    }


def _row(model: ServedModel) -> str:
    """Return the name of the schema of a model's rows, which may have few characters."""
    return f"Row.{quote(model.name, safe='').replace('%', '_')}"


def _protocol(model: ServedModel) -> dict[str, dict[str, Operation]]:
    """Return the paths of the Open Inference Protocol for a model."""
    path = f"/v2/models/{quote(model.name, safe='')}"
    metadata = _object(
        name={"const": model.name},
        platform=schemas.TEXT,
        inputs=schemas.TENSORS,
        outputs=schemas.TENSORS,
    )
    infer: Operation = {
        "operationId": f"infer {model.name}",
        "summary": f"Infer with {model.name}: Open Inference Protocol",
        "description": (
            "The schema is that of a request with one example; n examples have n in the shapes "
            "and n times the data. Images may have any size. Tensors may also be binary: the "
            "header Inference-Header-Content-Length then is the number of bytes of the JSON, "
            "and they follow it."
        ),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schemas.inference_of(model)}},
        },
        "responses": {**_found(schemas.found_by(model)), **_errors(OF_POSTS)},
    }
    infer["responses"]["200"]["content"]["application/octet-stream"] = {}
    ready = _object(name={"const": model.name}, ready={"type": "boolean"})
    return {
        path: {
            "get": _get(f"metadata {model.name}", "The inputs and outputs of a model", metadata)
        },
        f"{path}/ready": {"get": _get(f"ready {model.name}", "Whether a model is ready", ready)},
        f"{path}/infer": {"post": infer},
    }


def _of_server() -> dict[str, dict[str, Operation]]:
    """Return the paths about the server itself."""
    flag: Schema = {"type": "boolean"}
    server = _object(
        name=schemas.TEXT,
        version=schemas.TEXT,
        extensions={"type": "array", "items": schemas.TEXT},
    )
    models = _object(
        models={"type": "array", "items": schemas.DESCRIBED}, limits={"type": "object"}
    )
    return {
        "/models": {"get": _get("models", "What is known about each model", models)},
        "/v2": {"get": _get("server", "Name and version of the server", server)},
        "/v2/health/live": {"get": _get("live", "Whether the server is up", _object(live=flag))},
        "/v2/health/ready": {
            "get": _get("ready", "Whether all models are ready", _object(ready=flag))
        },
        "/metrics": {"get": _get("metrics", "Figures for Prometheus", None, "text/plain")},
        "/openapi.json": {"get": _get("openapi", "This description", {"type": "object"})},
    }


def _pages(models: Sequence[ServedModel]) -> dict[str, dict[str, Operation]]:
    """Return the paths of pages for people."""
    paths = {
        "/": {"get": _get("page", "A page to classify by hand", None, "text/html")},
        "/docs": {"get": _get("docs", "This description as a page", None, "text/html")},
    }
    for model in models:
        page = _get(f"report {model.name}", "The report of the training", None, "text/html")
        page["responses"] |= _errors([404])
        paths[f"/report/{quote(model.name, safe='')}"] = {"get": page}
    return paths


def _get(
    name: str, summary: str, schema: Schema | None, media_type: str = "application/json"
) -> Operation:
    """Return an operation without a body; a schema of None is that of a text."""
    return {
        "operationId": name,
        "summary": summary,
        "responses": _found(schema or schemas.TEXT, media_type),
    }


def _found(schema: Schema, media_type: str = "application/json") -> dict[str, Any]:
    return {"200": {"description": "Found.", "content": {media_type: {"schema": schema}}}}


def _errors(statuses: Sequence[int]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        str(status): {"description": ERRORS[status], "content": content}
        for status in sorted(statuses)
    }


def _object(**properties: Schema) -> Schema:
    """Return the schema of an object that has all of some properties."""
    return {"type": "object", "required": [*properties], "properties": properties}
