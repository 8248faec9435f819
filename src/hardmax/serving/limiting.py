"""The limits of what requests take: a middleware around the routes of a server."""

import asyncio
from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits
from hardmax.serving.observing import ClientLeftError
from hardmax.serving.security import header

__all__ = ["BODY", "Limited"]

#: Where in a scope the body of a request is.
BODY = "hardmax.body"

#: How many of the largest bodies all requests together may have in memory.
BODIES = 16

#: The seconds until a server looks whether the client is still there.
PATIENCE = 0.05


class Limited:
    """Bounds the requests that send a body: how many at once, their bytes and their time.

    The body is read before a route sees the request, which finds it in the scope. A request whose
    client left is given up.
    """

    def __init__(self, app: ASGIApp, limits: Limits):
        self._app, self._limits = app, limits
        self._running = self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "POST":
            await self._with_body(scope, receive, send)
        else:
            await self._in_time(self._app(scope, receive, send), scope)

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not 429, which is about too many requests by one client: here all of them count.
        if self._running >= self._limits.requests:
            raise RequestError(
                f"the server is already answering {self._running} requests, its limit; try again",
                503,
            )
        self._running += 1
        try:
            await self._in_time(self._run(scope, receive, send), scope)
        finally:
            self._running -= 1

    async def _in_time(self, work: Awaitable[None], scope: Scope) -> None:
        seconds = self._limits.seconds
        try:
            async with asyncio.timeout(seconds):
                await work
        except TimeoutError as error:
            if scope["method"] == "POST" and BODY not in scope:
                message = f"the body did not arrive within {seconds:g} seconds"
                raise RequestError(message, 408) from error
            message = f"the answer took longer than {seconds:g} seconds; send less or try again"
            raise RequestError(message, 503) from error

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[BODY] = content = await self._body(scope, receive)
        try:
            await _while_connected(self._app(scope, receive, send), receive)
        finally:
            self._bytes -= len(content)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body of a request. Raises RequestError if it has too many bytes."""
        coding = header(scope, b"content-encoding")
        if coding is not None and coding.lower() != "identity":
            raise RequestError("the body is compressed; send it without Content-Encoding", 415)
        # The HTTP parser has checked that it is a number.
        self._check_size(int(header(scope, b"content-length") or 0))
        content = bytearray()
        try:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeftError
                part = message.get("body", b"")
                content += part
                self._bytes += len(part)
                self._check_size(len(content))
                more = message.get("more_body", False)
        except BaseException:
            self._bytes -= len(content)
            raise
        return bytes(content)

    def _check_size(self, size: int) -> None:
        if size > self._limits.body:
            raise RequestError(
                f"the body may have at most {self._limits.body} bytes; send less", 413
            )
        if self._bytes > BODIES * self._limits.body:
            raise RequestError("the server is reading too many large bodies; try again", 503)


async def _while_connected(work: Awaitable[None], receive: Receive) -> None:
    """Do some work of the current task, but stop it when the client leaves."""
    task = asyncio.current_task()
    assert task is not None
    watching: asyncio.Task[None] | None = None
    left = False

    async def watch() -> None:
        nonlocal left
        await receive()
        left = True
        task.cancel()

    def start_watching() -> None:
        nonlocal watching
        watching = asyncio.ensure_future(watch())

    # Most work is done sooner than this task would be made.
    timer = asyncio.get_running_loop().call_later(PATIENCE, start_watching)
    try:
        await work
    except asyncio.CancelledError:
        if left:
            task.uncancel()
            raise ClientLeftError from None
        raise
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()
