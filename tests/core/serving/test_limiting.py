"""The limits of requests, around a route that takes its time."""

import asyncio

import pytest

from hardmax.serving.errors import RequestError
from hardmax.serving.limiting import BODY, Limited
from hardmax.serving.limits import Limits
from hardmax.serving.observing import ClientLeftError

REST = {"type": "http.request", "body": b"b", "more_body": False}


class Route:
    """A route that ends when it is told to; ``state`` is how far it is."""

    def __init__(self):
        self.state, self.may_end, self.bodies = "unused", asyncio.Event(), []

    async def __call__(self, scope, receive, send):
        self.state = "running"
        self.bodies.append(scope.get(BODY))
        try:
            await self.may_end.wait()
            self.state = "done"
        except asyncio.CancelledError:
            self.state = "cancelled"
            raise


class Client:
    """Sends these messages, then leaves if ``leave`` is set, as a server would say."""

    def __init__(self, *messages):
        self._messages = [*messages]
        self.leave = asyncio.Event()

    async def __call__(self):
        if self._messages:
            return self._messages.pop(0)
        await self.leave.wait()
        return {"type": "http.disconnect"}


def part(content):
    return {"type": "http.request", "body": content, "more_body": True}


def asking(limited, client, method="POST", headers=()):
    async def send(message):
        raise AssertionError(message)

    return limited({"type": "http", "method": method, "headers": [*headers]}, client, send)


def check(test):
    """Run a coroutine with a new route."""
    asyncio.run(test(Route()))


def test_a_body_comes_in_parts():
    async def test(route):
        route.may_end.set()
        await asking(Limited(route, Limits(body=3)), Client(part(b"a"), part(b""), REST))
        assert route.bodies == [b"ab"]

    check(test)


def test_an_answer_that_takes_too_long():
    async def test(route):
        limited = Limited(route, Limits(seconds=0.05))
        for method in ("POST", "GET"):
            with pytest.raises(RequestError, match=r"longer than 0\.05 seconds") as caught:
                await asking(limited, Client(REST), method)
            assert (caught.value.status, route.state) == (503, "cancelled")

    check(test)


def test_a_body_that_takes_too_long():
    async def test(route):
        with pytest.raises(RequestError, match=r"within 0\.05 seconds") as caught:
            await asking(Limited(route, Limits(seconds=0.05)), Client(part(b"a")))
        assert (caught.value.status, route.state) == (408, "unused")

    check(test)


def test_a_client_that_leaves():
    async def test(route):
        gone = Client(part(b"a"))
        gone.leave.set()
        with pytest.raises(ClientLeftError):
            await asking(Limited(route, Limits()), gone)
        assert route.state == "unused"
        later = Client(REST)
        task = asyncio.create_task(asking(Limited(route, Limits()), later))
        await asyncio.sleep(0.1)
        assert route.state == "running"
        later.leave.set()
        with pytest.raises(ClientLeftError):
            await task
        assert route.state == "cancelled"

    check(test)


def test_a_server_that_stops_cancels():
    async def test(route):
        task = asyncio.create_task(asking(Limited(route, Limits()), Client(REST)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert route.state == "cancelled"

    check(test)


def test_all_bodies_together_are_bounded():
    async def test(route):
        limited = Limited(route, Limits(body=10))
        reading = [asyncio.create_task(asking(limited, Client(part(b"a" * 10)))) for _ in range(16)]
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="large bodies") as caught:
            await asking(limited, Client(part(b"a")))
        assert caught.value.status == 503
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        route.may_end.set()
        await asking(limited, Client(part(b"a"), REST))
        assert route.state == "done"

    check(test)
