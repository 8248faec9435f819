"""What the tests of the core share: errors told on one line, and a web server to fetch from."""

import contextlib
import importlib
import os
import socket
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def refused():
    """A context manager: its block must raise just ``kind``, on one line that has ``parts``."""

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
        self.server.asked.append(self.path)
        name = self.path[1:].split("?")[0]
        body = self.server.files.get(name)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = name in self.server.halves
        self.wfile.write(body[: len(body) // 2] if half else body)
        if half and self.server.hold is not None:
            self.wfile.flush()
            self.server.hold.wait(60)

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    """Serves ``files``, by name, on 127.0.0.1; ``asked`` are the paths that it was asked for.

    Of those named in ``halves`` it sends half and ends, or waits for ``hold`` where it is set.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.halves, self.asked, self.hold = {}, set(), [], None

    @property
    def url(self):
        return f"http://{self.host}/"

    @property
    def host(self):
        return f"127.0.0.1:{self.server_port}"


@pytest.fixture
def dead():
    """An address of this machine at which nothing listens."""
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
def without_rights(folder, mode):
    """Give a folder that has this mode and that the user's rights do not go beyond."""
    for module in ("pooch", "requests"):  # what is imported late may then be out of reach
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
    """A folder that may not be entered."""
    with without_rights(tmp_path, 0o000) as folder:
        yield folder


@pytest.fixture
def unwritable():
    """A folder that may be entered and not be written to."""
    with tempfile.TemporaryDirectory() as name, without_rights(Path(name), 0o555) as folder:
        yield folder
