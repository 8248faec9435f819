"""The connections of a server: what happens before a request has its whole head."""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hardmax.serving.bodies import to_json

__all__ = ["connections"]

#: The most bytes of the head of a request, its line and its headers, and of what else is no body:
#: the extensions of chunks, and trailers.
HEAD = 2**16


def connections(seconds: float, on_refusal: Callable[[int], None]) -> type[HttpToolsProtocol]:
    """Return the protocol for connections whose requests have to arrive in some seconds.

    A request that does not, or whose head is too large, or which is not one of HTTP, ends its
    connection; for the latter two ``on_refusal`` is called with the status. So does a client that
    reads nothing of its answers for as long.
    """

    class Connection(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _reading: asyncio.TimerHandle | None = None
        _head = 0
        _is_in_head = True
        _has_moved_on = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self._stop_waiting_for_reading()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._wait_for_reading()

        def resume_writing(self) -> None:
            self._stop_waiting_for_reading()
            super().resume_writing()

        def data_received(self, data: bytes) -> None:
            self._has_moved_on = False
            super().data_received(data)
            self._head = 0 if self._has_moved_on else self._head + len(data)
            if self._head > HEAD:
                self._refuse(431, f"the headers may have at most {HEAD} bytes; send less")

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._is_in_head = True
            self._wait()

        def on_header(self, name: bytes, value: bytes) -> None:
            if self._is_in_head:  # what follows a chunked body must not count as a header
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._is_in_head, self._has_moved_on = False, True
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._has_moved_on = True
            super().on_body(body)

        def on_message_complete(self) -> None:
            self._stop_waiting()
            self._has_moved_on = True
            super().on_message_complete()

        def send_400_response(self, msg: str) -> None:
            self._refuse(400, "this is not a request of HTTP/1.1")

        def _wait(self) -> None:
            self._stop_waiting()
            # Later than the answer that a body did not arrive.
            self._timer = self.loop.call_later(seconds + 1, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _wait_for_reading(self) -> None:
            unread = self.transport.get_write_buffer_size()
            self._reading = self.loop.call_later(seconds, self._check_reading, unread)

        def _check_reading(self, unread: int) -> None:
            if self.transport.get_write_buffer_size() < unread:
                self._wait_for_reading()
            else:
                self.transport.abort()  # to close would wait for the client

        def _stop_waiting_for_reading(self) -> None:
            if self._reading is not None:
                self._reading.cancel()
                self._reading = None

        def _refuse(self, status: int, message: str) -> None:
            if self.transport.is_closing():
                return
            on_refusal(status)
            content = to_json({"error": message})
            head = (
                f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\n"
                f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + content)
            self.transport.close()

    return Connection
