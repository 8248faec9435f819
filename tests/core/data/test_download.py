"""Downloads come whole and with the right checksum, or not at all."""

import contextlib
import hashlib
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import threading

import pooch
import pytest

from hardmax.data.download import fetch, user_cache
from hardmax.errors import DownloadError

BODY = bytes(range(256)) * 40
SHA1 = hashlib.sha1(BODY).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept" / "here"


def entries(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("known", [None, SHA256, f"sha1:{SHA1.upper()}"])
def test_a_file_is_fetched_into_a_new_folder(known, server, folder):
    server.files["a"] = BODY
    assert fetch([server.url + "a"], folder, "b", known) == folder / "b"
    assert (folder / "b").read_bytes() == BODY
    assert entries(folder) == ["b"]


def test_a_file_that_is_there_is_not_fetched_again(dead, folder):
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(BODY)
    assert fetch([dead + "a"], folder, "a", SHA256) == folder / "a"
    assert fetch([dead + "a"], folder, "a", None) == folder / "a"


def test_a_file_with_another_checksum_is_fetched_again(server, folder):
    server.files["a"] = BODY
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(BODY[:-1])
    assert fetch([server.url + "a"], folder, "a", SHA256).read_bytes() == BODY


@pytest.mark.parametrize("bad", ["missing", "cut", "other"])
def test_the_next_address_is_tried_where_one_fails(bad, server, folder):
    server.files.update({"good/a": BODY, "cut/a": BODY, "other/a": BODY[::-1]})
    server.halves.add("cut/a")
    addresses = [f"{server.url}{place}/a" for place in (bad, "good", "never-asked")]
    assert fetch(addresses, folder, "a", SHA256).read_bytes() == BODY
    assert server.asked == [f"/{bad}/a", "/good/a"]
    assert entries(folder) == ["a"]


def test_a_fetch_that_fails_everywhere_says_why_for_each_address(server, dead, folder, refused):
    server.files.update({"cut/a": BODY, "other/a": BODY[::-1]})
    server.halves.add("cut/a")
    addresses = [dead + "a", *(f"{server.url}{place}/a" for place in ("gone", "cut", "other"))]
    causes = [dead[7:-1], f"{server.host}: answered 404", "the checksum does not match"]
    with refused(DownloadError, "download a ", folder, *causes):
        fetch(addresses, folder, "a", SHA256)
    assert entries(folder) == []


@pytest.mark.parametrize("known", [SHA256, None])
@pytest.mark.parametrize("size", [2, 3000, 10_000_000])
def test_an_answer_that_breaks_off_leaves_nothing(size, known, server, folder, refused):
    server.files["a"] = bytes(size)
    server.halves.add("a")
    with refused(DownloadError, "download a ", server.host, folder):
        fetch([server.url + "a"], folder, "a", known)
    assert entries(folder) == []


def test_a_refused_connection_leaves_nothing(dead, folder, refused):
    with refused(DownloadError, "download a ", dead[7:-1], folder):
        fetch([dead + "a"], folder, "a", None)
    assert entries(folder) == []


BAD_ADDRESSES = [
    "example.org/data/",
    "/mnt/data/",
    "sftp://example.org/",
    "http://a..b/",
    "http://[/",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_cannot_be_one_is_named(address, folder, refused):
    with pytest.raises(DownloadError) as caught:
        fetch([address + "a"], folder, "a", SHA256)
    assert address.split("://")[-1].strip("/") in str(caught.value)
    assert "checksum" not in str(caught.value)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_the_next_address_is_tried_where_one_cannot_be_one(address, server, folder):
    server.files["a"] = BODY
    assert fetch([address + "a", server.url + "a"], folder, "a", SHA256).read_bytes() == BODY


def test_a_target_below_a_file_cannot_be_written(server, tmp_path, refused):
    server.files["a"] = BODY
    (tmp_path / "file").write_text("here")
    with refused(DownloadError, "cannot write", tmp_path / "file" / "a", "Not a directory"):
        fetch([server.url + "a"], tmp_path / "file", "a", SHA256)
    assert (tmp_path / "file").read_text() == "here"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_folder_without_permission_cannot_be_written(below, server, unwritable, refused):
    server.files["a"] = BODY
    with refused(DownloadError, "cannot write", unwritable / below / "a", "Permission denied"):
        fetch([server.url + "a"], unwritable / below, "a", SHA256)


@pytest.mark.parametrize("known", [SHA256, None])
def test_a_folder_in_place_of_the_file_is_not_taken_for_it(known, server, folder, refused):
    server.files["a"] = BODY
    (folder / "a").mkdir(parents=True)
    with refused(DownloadError, folder / "a"):
        fetch([server.url + "a"], folder, "a", known)
    assert entries(folder / "a") == []


def test_missing_certificates_are_told_and_not_taken_for_a_full_disk(
    folder, monkeypatch, tmp_path, refused
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with refused(DownloadError, "127.0.0.1", "none.pem"):
        fetch(["https://127.0.0.1:1/a"], folder, "a", None)


def run_fetch(address, folder, **options):
    code = (
        "import sys; from pathlib import Path; from hardmax.data.download import fetch; "
        "fetch([sys.argv[1]], Path(sys.argv[2]), 'a', None)"
    )
    return subprocess.Popen([sys.executable, "-c", code, address, str(folder)], **options)


def test_a_fetch_says_nothing_where_nobody_watches(server, folder):
    server.files["a"] = BODY
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with run_fetch(server.url + "a", folder, **pipes) as process:
        assert process.communicate(timeout=60) == (b"", None)
    assert entries(folder) == ["a"]


def test_a_fetch_leaves_poochs_logger_as_it_was(server, folder, monkeypatch):
    server.files["a"] = BODY
    monkeypatch.setattr(pooch.get_logger(), "level", logging.CRITICAL)
    fetch([server.url + "a"], folder, "a", None)
    assert pooch.get_logger().level == logging.CRITICAL


@pytest.mark.parametrize("there", [False, True])
def test_a_terminal_sees_the_bytes_of_what_is_fetched_and_of_nothing_else(there, server, folder):
    server.files["a"] = BODY
    if there:
        folder.mkdir(parents=True)
        (folder / "a").write_bytes(BODY)
    reader, writer = pty.openpty()
    with run_fetch(server.url + "a", folder, stderr=writer) as process:
        assert process.wait(60) == 0
    os.close(writer)
    shown = b""
    with contextlib.suppress(OSError):  # how the other end of a terminal ends on Linux
        while more := os.read(reader, 65536):
            shown += more
    os.close(reader)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert ("10.2/10.2 kB" in shown) != there
    assert bool(shown.strip()) != there


def test_an_empty_file_is_fetched_where_somebody_watches(server, folder):
    server.files["a"] = b""
    reader, writer = pty.openpty()
    with run_fetch(server.url + "a", folder, stderr=writer) as process:
        assert process.wait(60) == 0
    os.close(writer)
    os.close(reader)
    assert (folder / "a").read_bytes() == b""


@pytest.mark.parametrize("killer", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_stopped_leaves_no_half_file_of_that_name(killer, server, folder):
    server.files["a"] = bytes(2_000_000)
    server.halves.add("a")
    server.hold = threading.Event()
    with run_fetch(server.url + "a", folder, stderr=subprocess.DEVNULL) as process:
        try:
            while not any(path.stat().st_size for path in folder.glob("*")):
                assert process.poll() is None
        finally:
            process.send_signal(killer)
            process.wait(60)
            server.hold.set()
    assert "a" not in entries(folder)
    assert killer == signal.SIGKILL or entries(folder) == []


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path))
    assert user_cache() == tmp_path
    monkeypatch.delenv("HARDMAX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert user_cache().name == "hardmax"
    assert tmp_path in user_cache().parents
