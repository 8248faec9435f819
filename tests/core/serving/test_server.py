"""A server as a process: how it starts, how it ends, and runs that are replaced meanwhile."""

import contextlib
import json
import shutil
import signal
import socket
import threading
import time
from http.client import HTTPConnection, RemoteDisconnected
from urllib.parse import urlsplit

import pytest
from http_clients import ask, raw
from servers import serving
from support import refused

JSON = "application/json"
ROW = json.dumps(dict.fromkeys(["months", "plan", "contract", "since", "note"])).encode()
PREDICT = ("POST", "/predict", ROW, {"content-type": JSON})


class Load:
    """Clients that ask all the time, each on a connection that it keeps; ``answers`` are theirs."""

    def __init__(self, server, clients=4):
        self.answers, self.failures = [], []
        self._address = urlsplit(server.address).netloc
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def wait(self, more):
        """Wait until there are so many more answers."""
        count, deadline = len(self.answers) + more, time.monotonic() + 60
        while len(self.answers) < count and time.monotonic() < deadline:
            time.sleep(0.01)

    def _ask(self):
        connection = HTTPConnection(self._address, timeout=60)
        try:
            while not self._is_over.is_set():
                connection.request(*PREDICT)
                with connection.getresponse() as response:
                    found = json.load(response)["predictions"][0]["probability"]
                    self.answers.append((response.status, found))
        except (OSError, ValueError, KeyError) as error:
            self.failures.append(error)
        finally:
            connection.close()


def test_it_says_what_it_serves_and_where(server):
    assert server.lines == [
        "visits: table, 2 classes",
        "clothes: images, 3 classes",
        f"serving on {server.address.rstrip('/')}",
    ]


def test_a_replaced_run_is_taken_up_without_a_lost_request(write_table_run, tmp_path):
    run = write_table_run(tmp_path / "visits")
    with serving(tmp_path, run) as server, Load(server) as load:
        load.wait(20)
        for seed in (1, 2):
            other = write_table_run(tmp_path / f"other-{seed}", seed)
            before = {found for _, found in load.answers}
            shutil.move(run, tmp_path / f"old-{seed}")
            load.wait(20)
            shutil.move(other, run)
            deadline = time.monotonic() + 30
            while {found for _, found in load.answers} == before and time.monotonic() < deadline:
                time.sleep(0.05)
            load.wait(20)
        (run / "run.json").write_text("{}")
        while " WARNING " not in server.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        load.wait(20)
        assert load.failures == []
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=60) == 0
    assert {status for status, _ in load.answers} == {200}
    assert len({found for _, found in load.answers}) == 3
    log = server.log.read_text()
    assert log.count("took up the run") == 2
    assert log.count(" WARNING visits stays in service as it was: ") == 1
    # A connection that is kept ends between two answers, never within one.
    assert log.count(" 200 1 example ") == len(load.answers)
    closed = {ConnectionRefusedError, ConnectionResetError, BrokenPipeError, RemoteDisconnected}
    assert {type(failure) for failure in load.failures} <= closed


@pytest.mark.parametrize(
    ("number", "status", "host"), [(signal.SIGTERM, 0, "::1"), (signal.SIGINT, 130, "0.0.0.0")]
)
def test_a_signal_finishes_what_is_under_way(table_run, tmp_path, number, status, host):
    with serving(tmp_path, table_run, "--host", host) as server:
        shown = "[::1]" if host == "::1" else host
        assert server.address.startswith(f"http://{shown}:")
        with slow_request(server) as slow:
            server.process.send_signal(number)
            time.sleep(0.3)
            with pytest.raises(ConnectionRefusedError):
                raw(server, b"")
            slow.sendall(ROW)
            answer = slow.recv(2**16)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b'"predictions"' in answer + slow.recv(2**16)
        assert server.process.wait(timeout=60) == status
        # Everybody may ask a server of all networks, and is not kept away by its name there.
        assert ("--token-file" in server.log.read_text()) == (host == "0.0.0.0")


@contextlib.contextmanager
def slow_request(server):
    """Yield a connection on which the server waits for the body of a request, ROW."""
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname, address.port), timeout=60) as slow:
        head = f"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n"
        slow.sendall(f"{head}content-length: {len(ROW)}\r\n\r\n".encode())
        ask(server, "/v2")
        yield slow


def test_a_second_signal_does_not_wait(table_run, tmp_path):
    with serving(tmp_path, table_run) as server, slow_request(server):
        started = time.monotonic()
        for _ in range(2):
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        assert server.process.wait(timeout=60) == 0
        assert time.monotonic() - started < 20  # the request would have 30 seconds


def test_a_port_that_is_taken(hardmax, table_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = hardmax("serve", table_run, "--port", port)
    refused(done, str(port), "in use", "--port")


BAD = {
    "no host": (["--host", "no.such.host.invalid"], "--host"),
    "not our address": (["--host", "192.0.2.1"], "192.0.2.1"),
    "a port that is none": (["--port", "70000"], "port"),
    "no run": (["none"], "none"),
    "costs of two": (["runs/visits", "--abstain-below", "0.5"], "--abstain-below"),
    "no token": (["--token-file", "none"], "none"),
    "an empty token": (["--token-file", "empty"], "empty"),
    "a token with a space": (["--token-file", "space"], "space"),
    "a limit that is none": (["--max-batch", "0"], "max-batch"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_served(hardmax, table_run, image_run, tmp_path, name):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "space").write_text("a b\n")
    (tmp_path / "runs").symlink_to(table_run.parent)
    arguments, words = BAD[name]
    refused(hardmax("serve", image_run, *arguments, env={"COLUMNS": "300"}), words)


def test_a_damaged_run(hardmax, image_run, tmp_path):
    shutil.copytree(image_run, tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    refused(hardmax("serve", "copy", "--port", "0"), "model.safetensors")
    refused(hardmax("serve", image_run, f"{image_run}/", "--port", "0"), "'clothes'", "rename")


@pytest.mark.parametrize("package", ["starlette", "onnxruntime"])
def test_a_package_that_lacks(hardmax_process, image_run, tmp_path, package):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); "
        "from hardmax.cli.main import main; main()"
    )
    done = hardmax_process("serve", image_run, "--port", "0", program=("-c", code))
    refused(done, package, "pip install 'hardmax[serve]'")
