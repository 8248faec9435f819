"""What is seen of requests: their figures and log lines, and the answers to errors.

This is an ASGI middleware without a layer between, as each request passes it.
"""

import logging
import traceback
from collections.abc import Sequence
from time import perf_counter

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardmax.serving.errors import RequestError
from hardmax.serving.metrics import Metrics
from hardmax.serving.responses import HEADERS, refusal

__all__ = ["EXAMPLES", "ClientLeftError", "Observed"]

#: Where in a scope the number of its examples is.
EXAMPLES = "hardmax.examples"

#: The status in logs and figures of a request whose client left before the answer.
LEFT = 499

log = logging.getLogger("hardmax.serving")


class ClientLeftError(Exception):
    """The client closed the connection before it had its answer."""


class Observed:
    """Counts and logs requests, answers what an error says, and adds the headers of all responses.

    A request belongs to the one of the ``routes`` that its path has, whether it got there or not.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Sequence[Route]):
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
        route = self._path(scope["path"])
        self._metrics.request(route, status, seconds)
        if log.isEnabledFor(logging.INFO):
            examples = scope.get(EXAMPLES)
            plural = "" if examples == 1 else "s"
            counted = "" if examples is None else f" {examples} example{plural}"
            # Methods and templates of paths are of a fixed set; all else is data.
            log.info(f"{scope['method']} {route} {status}{counted} {1000 * seconds:.1f} ms")

    def _path(self, path: str) -> str:
        found = (route.path for route in self._routes if route.path_regex.match(path))
        return next(found, "other")


def _with_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    own = {name for name, _ in headers}
    return [*headers, *(entry for entry in HEADERS if entry[0] not in own)]


def _log_bug(error: Exception) -> None:
    """Log where an error occurred, but not its message, which may have data."""
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error(f"{type(error).__name__}\n{places}")
