"""Responses, and the headers that all of them have."""

from typing import Any

from starlette.responses import Response

from hardmax.serving.bodies import to_json

__all__ = ["HEADERS", "POLICY", "answer", "refusal"]

POLICY = b"content-security-policy"

#: Headers of every response. That of POLICY is left out where a page has its own.
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
    (POLICY, b"default-src 'none'; frame-ancestors 'none'"),
]

#: What a client needs to know besides the message, by status.
BY_STATUS = {
    401: [
        ("www-authenticate", 'Bearer realm="hardmax"'),
        ("www-authenticate", 'Basic realm="hardmax", charset="UTF-8"'),
    ],
    408: [("connection", "close")],
    503: [("retry-after", "1")],
}


def answer(value: Any, status: int = 200) -> Response:
    """Return a response with a value as JSON."""
    return Response(to_json(value), status, media_type="application/json")


def refusal(status: int, message: str) -> Response:
    """Return a response with an error."""
    response = answer({"error": message}, status)
    for name, value in BY_STATUS.get(status, ()):
        response.headers.append(name, value)
    return response
