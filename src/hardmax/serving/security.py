"""What surrounds the routes of a server: the token, headers, figures and errors.

These are ASGI middlewares without a layer between, since each request passes all of them.
"""

import base64
import hmac
import ipaddress
import logging
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardmax.serving.errors import RequestError
from hardmax.serving.metrics import Metrics
from hardmax.serving.responses import HEADERS, refusal

__all__ = ["EXAMPLES", "ClientLeftError", "Guarded", "Observed", "header"]

#: Where in a scope the number of its examples is.
EXAMPLES = "hardmax.examples"

#: The status in logs and figures of a request whose client left before the answer.
LEFT = 499

#: The paths that need no token, by which others see whether the server lives.
OPEN = {"/v2/health/live", "/v2/health/ready"}

log = logging.getLogger("hardmax.serving")


class ClientLeftError(Exception):
    """The client closed the connection before it had its answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header, or None. Raises RequestError if it occurs twice."""
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1:
        raise RequestError(f"the header {name.decode()} occurs more than once")
    return values[0].decode("latin-1") if values else None


class Observed:
    """Counts and logs requests, answers what an error says, and adds the headers of all responses.

    ``routes`` has the template of the path for each endpoint.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Mapping[Any, str]):
        self._app, self._metrics, self._routes = app, metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(message["headers"])
            await send(message)

        self._metrics.in_progress.inc()
        try:
            await self._app(scope, receive, answer)
        except ClientLeftError:
            status = LEFT
        except RequestError as error:
            if not status:  # else the time was over while the answer was sent
                await refusal(error.status, str(error))(scope, receive, answer)
        except Exception as error:
            _log_bug(error)
            if not status:
                message = "the server failed; its log says where"
                await refusal(500, message)(scope, receive, answer)
            status = 500
        finally:
            self._metrics.in_progress.dec()
            self._record(scope, status or LEFT, perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = self._routes.get(scope.get("endpoint"), "other")
        self._metrics.request(route, status, seconds)
        if log.isEnabledFor(logging.INFO):
            examples = scope.get(EXAMPLES)
            plural = "" if examples == 1 else "s"
            counted = "" if examples is None else f" {examples} example{plural}"
            # Methods and templates of paths are of a fixed set; all else is data.
            log.info(f"{scope['method']} {route} {status}{counted} {1000 * seconds:.1f} ms")


def _with_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    own = {name for name, _ in headers}
    return [*headers, *(entry for entry in HEADERS if entry[0] not in own)]


def _log_bug(error: Exception) -> None:
    """Log where an error occurred, but not its message, which may have data."""
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error(f"{type(error).__name__}\n{places}")


class Guarded:
    """Lets only requests pass that have the token, or without one, that no other site made.

    Without a token, and if ``is_local``, a page of another site could ask a server on this
    computer by giving its own name this computer's address. Its requests have that name in the
    header Host.
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
