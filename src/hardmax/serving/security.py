"""Who may ask a server: a middleware around the routes."""

import base64
import hmac
import ipaddress
from contextlib import suppress
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from hardmax.serving.errors import RequestError

__all__ = ["Guarded", "header"]

#: The paths that need no token, by which others see whether the server lives.
OPEN = {"/v2/health/live", "/v2/health/ready"}


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header, or None. Raises RequestError if it occurs twice."""
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1:
        raise RequestError(f"the header {name.decode()} occurs more than once")
    return values[0].decode("latin-1") if values else None


class Guarded:
    """Lets only requests pass that have the token, or without one, that no other site made.

    Without a token, and if ``is_local``, a page of another site could ask a server on this
    computer by giving its own name this computer's address. Its requests have that name in the
    header Host. With or without a token, browsers say which requests another site makes: those
    could not read the answer, but have it computed.
    """

    def __init__(self, app: ASGIApp, token: bytes | None, *, is_local: bool):
        self._app, self._token = app, token
        self._checks_host = is_local and token is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            if self._token is not None and scope["path"] not in OPEN:
                _check_token(scope, self._token)
            if self._checks_host:
                _check_host(scope)
            if scope["method"] == "POST" and header(scope, b"sec-fetch-site") == "cross-site":
                raise RequestError("pages of other sites may not ask this server", 403)
        await self._app(scope, receive, send)


def _check_token(scope: Scope, token: bytes) -> None:
    """Raise RequestError unless a request has the token, or has it as a Basic password."""
    scheme, _, credentials = (header(scope, b"authorization") or "").partition(" ")
    given = credentials.strip().encode("latin-1")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            given = base64.b64decode(given, validate=True).partition(b":")[2]
    elif scheme.lower() != "bearer":
        given = b""
    if not hmac.compare_digest(given, token):
        raise RequestError(
            "the token is wrong or missing; send it as Authorization: Bearer TOKEN", 401
        )


def _check_host(scope: Scope) -> None:
    host = header(scope, b"host")
    if host is not None and not _is_local(host):  # all browsers send it
        raise RequestError(
            "without a token, this server answers requests to localhost or an IP address only; "
            "start it with --token-file, or let a proxy send the header Host: localhost",
            421,
        )


@lru_cache(64)
def _is_local(host: str) -> bool:
    """Return whether a host, perhaps with a port, is localhost or an IP address."""
    name, _, port = host.rpartition(":")
    name = name if port.isdecimal() else host
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
