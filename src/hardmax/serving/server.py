"""Runs a server of models until it is told to stop."""

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from hardmax.checks import plain
from hardmax.errors import ArgumentError
from hardmax.files import read_regular
from hardmax.serving.app import make_app
from hardmax.serving.connections import connections
from hardmax.serving.limits import Limits
from hardmax.serving.metrics import Metrics
from hardmax.serving.models import Models

__all__ = ["serve"]

#: The most bytes of a file with a token.
MAX_TOKEN = 2**12

#: What is logged of which part. Messages of the parser of forms have data.
LEVELS = {
    "hardmax.serving": logging.INFO,
    "uvicorn.error": logging.ERROR,
    "python_multipart": logging.CRITICAL,
}

#: The most connections that wait to be accepted.
BACKLOG = 1024

#: The characters of a token that the header Authorization can have: RFC 6750.
TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")


def serve(
    runs: Sequence[str],
    limits: Limits,
    *,
    host: str,
    port: int,
    token_file: Path | None = None,
    costs: Path | None = None,
    below: float | None = None,
    say: Callable[[str], None] = print,
    warn: Callable[[str], None] = print,
) -> bool:
    """Serve runs until SIGTERM or Ctrl-C, after which the requests in progress are finished.

    ``say`` is called with a line per run and one with the address, ``warn`` with notices. Returns
    whether Ctrl-C was pressed. Raises ArgumentError for an address that cannot be had or an
    unusable token, and like ``Models.open``.
    """
    token = None if token_file is None else _token(token_file)
    with _bound(host, port) as listener:
        address, port = listener.getsockname()[:2]
        metrics = Metrics()
        models = Models.open(runs, limits, costs, below, metrics.batch)
        _log_to_stderr()
        for model in (batcher.model for batcher in models):
            say(f"{model.name}: {model.kind}, {len(model.classes)} classes")
        is_local = ipaddress.ip_address(address.partition("%")[0]).is_loopback
        if token is None and not is_local:
            warn(f"anyone who can reach {address} can send requests; --token-file requires a token")
        shown = f"[{address}]" if ":" in address else address
        app = make_app(models, limits, metrics, token, is_local=is_local)
        server = _Server(
            lambda: say(f"serving on http://{shown}:{port}"),
            uvicorn.Config(
                app,
                http=connections(limits.seconds, metrics.refused),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                # Requests that are being read or computed have no more time than this anyway.
                timeout_graceful_shutdown=round(limits.seconds) + 1,
            ),
        )
        server.run([listener])
        return server.is_interrupted


def _token(path: Path) -> bytes:
    """Return the token in a file. Raises ArgumentError if it is unusable."""
    token = read_regular(path, MAX_TOKEN, ArgumentError).strip()
    if not token or not {*token.decode("latin-1")} <= TOKEN:
        raise ArgumentError(
            f"{path} must contain a token of letters, digits and -._~+/= on one line, such as "
            "openssl rand -hex 32 writes"
        )
    return token


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises ArgumentError if there is none for this address."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name that has addresses of both versions of IP is served at the one of version 4.
        family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = _reason(error)
        raise ArgumentError(
            f"cannot listen on {host} port {port}: {reason}; choose others with --host and --port"
        ) from error


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError) or error.errno is None:
        return getattr(error, "strerror", None) or str(error)
    return os.strerror(error.errno)  # without the address, which a socket's error repeats


def _log_to_stderr() -> None:
    """Log what is served, and what fails, as lines on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


class _OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        if not record.message.isprintable():  # nearly all are
            record.message = plain(record.message)
        return super().formatMessage(record)


class _Server(uvicorn.Server):
    """Stops at SIGTERM and at Ctrl-C, but does not end the process; a second one cuts off.

    ``on_start`` is called as soon as it can be reached and stopped.
    """

    def __init__(self, on_start: Callable[[], None], config: uvicorn.Config):
        super().__init__(config)
        self.is_interrupted = False
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_start()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        handlers = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.is_interrupted |= sig == signal.SIGINT
        self.force_exit = self.should_exit
        self.should_exit = True
