"""Fixtures for the core tests: checks of one-line errors, and a local web server."""

import contextlib
import importlib
import os
import socket
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    """An empty folder that is the per-user cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("HARDMAX_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def refused():
    """A context manager: its block must raise exactly ``kind``, with ``parts`` on one line."""

    @contextlib.contextmanager
    def check(kind, *parts):
        with pytest.raises(kind) as caught:
            yield
        message = str(caught.value)
        assert type(caught.value) is kind
        assert len(message.splitlines()) == 1
        assert [part for part in map(str, parts) if part not in message] == [], message

    return check


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        name = self.path[1:].split("?")[0]
        body = self.server.files.get(name)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        truncate = name in self.server.truncated
        self.wfile.write(body[: len(body) // 2] if truncate else body)
        if truncate and self.server.hold is not None:
            self.wfile.flush()
            self.server.hold.wait(60)

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    """Serves ``files``, by name, on 127.0.0.1; ``requests`` are the requested paths.

    Of the files in ``truncated`` it sends half and closes the connection, or first waits for
    ``hold`` if that is set.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.truncated, self.requests, self.hold = {}, set(), [], None

    @property
    def url(self):
        return f"http://{self.host}/"

    @property
    def host(self):
        return f"127.0.0.1:{self.server_port}"


@pytest.fixture
def dead():
    """A local URL at which no server listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


NOBODY = 65534


@contextlib.contextmanager
def without_permissions(folder, mode):
    """Yield a folder with this mode, which also applies if the tests run as root."""
    for module in ("pooch", "requests"):  # late imports may fail without permissions
        importlib.import_module(module)
    folder.chmod(mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.fixture
def locked(tmp_path):
    """A folder that cannot be entered."""
    with without_permissions(tmp_path, 0o000) as folder:
        yield folder


@pytest.fixture
def unwritable():
    """A folder that can be entered but not written to."""
    with tempfile.TemporaryDirectory() as name, without_permissions(Path(name), 0o555) as folder:
        yield folder
