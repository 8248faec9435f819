"""What a server bears: bodies too large, too slow or cut off, other hosts, tokens, uploads."""

import base64
import contextlib
import json
import re
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from http_clients import ask, connect, form, raw
from PIL import Image
from servers import serving

from hardmax.serving.forms import uploads

TOKEN = "a-token_of.some~length+/="
ROW = json.dumps(dict.fromkeys(["months", "plan", "contract", "since", "note"])).encode()
JSON = "application/json"
MIB = 2**20


@pytest.fixture(scope="module")
def strict(table_run, image_run, tmp_path_factory):
    """A server with low limits and a token, which has nowhere to write."""
    folder = tmp_path_factory.mktemp("strict")
    (folder / "token").write_text(TOKEN + "\n")
    limits = ["--max-body", 1, "--max-pixels", 10_000, "--timeout", 1, "--max-requests", 3]
    with serving(folder, table_run, image_run, *limits, "--token-file", "token") as server:
        yield server


def allowed(server, path, *arguments, **headers):
    return ask(server, path, *arguments, authorization=f"Bearer {TOKEN}", **headers)


def head_of(server, path="/predict?model=visits", *lines):
    host = urlsplit(server.address).netloc
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", f"host: {host}", f"authorization: Bearer {TOKEN}", *lines, "", ""]
    ).encode()


def is_alive(server):
    return allowed(server, "/predict?model=visits", ROW, JSON).status == 200


def test_a_body_that_is_too_large(strict):
    body = b" " * (MIB + 1)
    answer = allowed(strict, "/predict?model=visits", body, JSON)
    assert answer.status == 413
    assert str(MIB) in answer.error
    assert allowed(strict, "/predict?model=visits", ROW + body[: -len(ROW) - 1], JSON).status == 200
    # Without its length, and announced: the answer comes before it is sent.
    connection = connect(strict)
    headers = {"authorization": f"Bearer {TOKEN}"}
    connection.request("POST", "/predict", iter([body[:MIB], body[:MIB]]), headers)
    with connection.getresponse() as response:
        assert response.status == 413
    connection.close()
    announced = head_of(strict, "/predict", f"content-length: {10**15}", "expect: 100-continue")
    with socket.create_connection(urlsplit(strict.address).netloc.split(":")) as connection:
        connection.sendall(announced)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert is_alive(strict)


def test_a_body_that_does_not_come(strict):
    started = time.monotonic()
    answer = raw(strict, head_of(strict, "/predict", "content-length: 10") + b"12345")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert b"within 1 seconds" in answer
    assert time.monotonic() - started > 0.9


def test_a_head_that_does_not_come(strict):
    address = urlsplit(strict.address)
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection((address.hostname, address.port)))
            for _ in range(2)
        ]
        connections[0].sendall(b"POST /predict HTTP/1.1\r\nhost")
        # The server hangs up on both.
        assert [one.recv(1) for one in connections] == [b"", b""]


def test_a_head_that_is_too_large(strict):
    answer = raw(strict, b"GET / HTTP/1.1\r\nx: " + b"x" * 70_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'{"error":' in answer
    assert is_alive(strict)


CHUNKED = b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize("endless", [b"0\r\n" + b"x: y\r\n" * 200_000, b"1;" + b"x" * 1_000_000])
def test_what_is_neither_head_nor_body_is_bounded(server, endless):
    head = b"POST /predict?model=visits HTTP/1.1\r\nhost: localhost\r\n"
    before = refused(server, 431)
    with contextlib.suppress(ConnectionError):  # not everything is read
        raw(server, head + CHUNKED + endless)
    assert refused(server, 431) == before + 1


def test_trailers_are_no_headers(server):
    head = b"POST /predict?model=visits HTTP/1.1\r\nhost: localhost\r\n"
    body = b"%x\r\n%b\r\n0\r\n" % (len(ROW), ROW)
    end = b"content-type: application/json\r\n\r\n"
    assert raw(server, head + CHUNKED + body + end).startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize(
    "data", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET \xff HTTP/1.1\r\n\r\n"]
)
def test_what_is_not_http(strict, data):
    answer = raw(strict, data)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'{"error":"this is not a request of HTTP/1.1"}')


def test_what_is_not_http_is_counted(strict):
    before = refused(strict, 400)
    raw(strict, b"hello\r\n\r\n")
    assert refused(strict, 400) == before + 1


def refused(server, status):
    """Return how often something was refused with a status before it was a request."""
    figures = allowed(server, "/metrics").content.decode()
    found = re.findall(rf'requests_total{{route="none",status="{status}"}} (\d+)', figures)
    return int(found[0]) if found else 0


def test_bodies_that_are_cut_off(strict):
    for end in range(0, len(ROW), 7):
        raw(
            strict, head_of(strict, "/predict", f"content-length: {len(ROW)}") + ROW[:end], end=True
        )
    assert is_alive(strict)
    log = strict.log.read_text()
    assert " 499 " in log
    assert " 500 " not in log


def test_a_client_that_does_not_read_is_cut_off(table_run, tmp_path):
    def opened():
        figures = ask(server, "/metrics").content.decode()
        return float(re.search(r"^process_open_fds (\S+)", figures, re.MULTILINE)[1])

    with serving(tmp_path, table_run, "--timeout", 1) as server, socket.socket() as client:
        address = urlsplit(server.address)
        before = opened()
        client.connect((address.hostname, address.port))
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 2000)
        assert opened() == before + 1
        deadline = time.monotonic() + 20
        while opened() > before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert opened() == before


def test_images_of_too_many_pixels(strict, tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    assert path.stat().st_size < 100_000
    for kind, body in {"image/png": path.read_bytes(), None: None}.items():
        body, kind = (body, kind) if body else form([("bomb.png", path.read_bytes())])
        answer = allowed(strict, "/predict?model=clothes", body, kind)
        assert answer.status == 413
        assert "pixels" in answer.error


def test_more_requests_than_allowed(strict):
    head = head_of(strict, "/predict", "content-length: 10")
    for _ in range(10):  # on a busy machine, their time may be over before the next one comes
        waiting = [threading.Thread(target=raw, args=(strict, head)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        answer = allowed(strict, "/predict?model=visits", ROW, JSON)
        if answer.status == 503:
            break
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert "3 requests" in answer.error
    assert ask(strict, "/v2/health/live").status == 200
    for thread in waiting:
        thread.join()
    assert is_alive(strict)


def test_the_token(strict):
    encoded = [base64.b64encode(f"{user}:{TOKEN}".encode()).decode() for user in ("", "me")]
    right = [f"Bearer {TOKEN}", f"bearer  {TOKEN}", *(f"Basic {one}" for one in encoded)]
    wrong = [
        None,
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Basic !",
        f"Basic {encoded[1][:-4]}",
        f"Digest {TOKEN}",
        "Bearer ÿ".encode("latin-1"),
    ]
    for given in right:
        assert ask(strict, "/v2", authorization=given).status == 200
    for path in ("/", "/predict", "/models", "/metrics", "/docs", "/v2/models/visits", "/none"):
        for given in wrong:
            headers = {} if given is None else {"authorization": given}
            answer = ask(strict, path, **headers)
            assert answer.status == 401
            assert "token" in answer.error
            schemes = answer.headers.get_all("www-authenticate")
            assert [scheme.split()[0] for scheme in schemes] == ["Bearer", "Basic"]
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert ask(strict, path).status == 200
    answer = raw(
        strict, head_of(strict, "/v2", f"authorization: Bearer {TOKEN}", "connection: close")
    )
    assert answer.startswith(b"HTTP/1.1 400 ")  # which of both counts?


def test_pages_of_other_sites(server):
    for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
        headers = {"sec-fetch-site": site}
        assert ask(server, "/predict?model=visits", ROW, JSON, **headers).status == status
        assert ask(server, "/", **headers).status == 200  # a link


def test_other_hosts(server):
    port = urlsplit(server.address).port
    for host in ("127.0.0.1", f"127.0.0.1:{port}", "localhost", f"LOCALHOST:{port}", "[::1]:80"):
        assert ask(server, "/v2", host=host).status == 200
    for host in (
        "example.org",
        f"example.org:{port}",
        "localhost.example.org",
        "",
        "127.0.0.1.nip.io",
    ):
        answer = ask(server, "/v2", host=host)
        assert answer.status == 421
        assert "--token-file" in answer.error


def test_with_a_token_any_host_is_right(strict):
    assert allowed(strict, "/v2", host="example.org").status == 200


def test_headers_of_all_answers(server):
    asked = ["/", "/static/page.js", "/models", "/none", "/report/visits", "/metrics", "/docs"]
    for answer in [*(ask(server, path) for path in asked), ask(server, "/predict", b"")]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["permissions-policy"].startswith("camera=(self)")
        assert answer.headers["cache-control"] == "no-store"
        (policy,) = answer.headers.get_all("content-security-policy")
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors" in policy
        assert "server" not in answer.headers


def test_uploads_stay_in_memory(monkeypatch):
    def refuse(*arguments, **named):
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    files = [("small", b"1"), ("large", bytes(3 * MIB)), ("none", b"")]
    body, kind = form(files)
    assert uploads(body, kind, most=3) == files


def test_logs_have_no_data(server):
    secret = "Sesam-öffne-dich"
    row = json.dumps({**json.loads(ROW), "months": secret}, ensure_ascii=False).encode()
    answers = [
        ask(server, f"/predict?model=visits&secret={secret.encode().hex()}", row, JSON),
        ask(server, "/predict?model=clothes", *form([(f"{secret}.png", secret.encode())])),
        ask(server, "/predict?model=Sesam-", row, JSON),
        ask(server, "/Sesam-", b"Sesam-"),
    ]
    assert [answer.status for answer in answers] == [400, 400, 404, 404]
    log = server.log.read_text()
    assert "Sesam" not in log
    assert secret.encode().hex() not in log
    line = r"[-\d]+ [\d:,]+ INFO POST (/predict|other) \d{3}( \d+ examples?)? [\d.]+ ms"
    assert re.fullmatch(line, log.splitlines()[-1])
