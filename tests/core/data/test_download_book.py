"""The book's download functions: names in DATA_HUB, SHA-1, archives that stay in their folder."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from hardmax.data.download import DATA_HUB, download, download_all, download_extract
from hardmax.errors import ArgumentError, DataError, DownloadError

BODY = b"size,price\n" * 300
SHA1 = hashlib.sha1(BODY).hexdigest()


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """The book's folder ../data, relative to its notebooks; DATA_HUB is empty."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    before = dict(DATA_HUB)
    DATA_HUB.clear()
    yield tmp_path / "data"
    DATA_HUB.clear()
    DATA_HUB.update(before)


def entries(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, contents in members:
            archive.writestr(name, contents)
    return file.getvalue()


def tarred(*members, mode="w:gz"):
    """Return a tar archive; contents that are str are targets of symbolic links."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, contents in members:
            entry = tarfile.TarInfo(name)
            if isinstance(contents, bytes):
                entry.size = len(contents)
                archive.addfile(entry, io.BytesIO(contents))
            else:
                entry.type, entry.linkname = tarfile.SYMTYPE, contents
                archive.addfile(entry)
    return file.getvalue()


def test_a_url_is_downloaded_into_the_books_folder(server, data):
    server.files["kaggle/houses.csv"] = BODY
    path = download(server.url + "kaggle/houses.csv?raw=1#top")
    assert isinstance(path, str)
    assert Path(path).resolve() == data / "houses.csv"
    assert (data / "houses.csv").read_bytes() == BODY


def test_a_name_in_the_registry_has_a_url_and_a_checksum(server, data):
    server.files["houses.csv"] = BODY
    DATA_HUB["houses"] = (server.url + "houses.csv", SHA1)
    path = download("houses")
    assert Path(path).resolve() == data / "houses.csv"
    assert download("houses") == path
    assert server.requests == ["/houses.csv"]


@pytest.mark.parametrize("option", [{"folder": "here"}, {"cache_dir": "here"}])
def test_the_folder_argument_of_both_editions_is_accepted(option, server):
    server.files["a"] = BODY
    assert Path(download(server.url + "a", **option)).resolve() == Path("here/a").resolve()
    assert Path("here/a").read_bytes() == BODY


def test_the_folder_and_the_checksum_may_be_positional(server, tmp_path):
    server.files["a"] = BODY
    assert download(server.url + "a", str(tmp_path / "x"), SHA1) == str(tmp_path / "x" / "a")


@pytest.mark.parametrize("by_name", [False, True])
def test_a_wrong_checksum_leaves_nothing(by_name, server, data, refused):
    server.files["a"] = BODY
    wrong = SHA1[::-1]
    if by_name:
        DATA_HUB["a"] = (server.url + "a", wrong)
    with refused(DownloadError, "download a ", "checksum", data.name):
        download("a") if by_name else download(server.url + "a", sha1_hash=wrong)
    assert entries(data) == []


@pytest.mark.parametrize(
    "name",
    [
        "housse",
        "",
        "a/b.csv",
        "http:/x/y",
        "http://127.0.0.1",
        "http://127.0.0.1/",
        "http://127.0.0.1/a/..",
        "http://127.0.0.1/.",
        "http://[/x.csv",
    ],
)
def test_an_error_for_neither_name_nor_url_lists_the_known_names(name, data, refused):
    DATA_HUB.update({"houses": ("http://127.0.0.1/h", SHA1), "frogs": ("http://127.0.0.1/f", SHA1)})
    with refused(ArgumentError, repr(name), "houses", "frogs"):
        download(name)
    assert not data.exists()


def test_everything_in_the_registry_is_downloaded(server, data):
    for name in "abc":
        server.files[f"{name}.csv"] = name.encode() * 100
        sha1 = hashlib.sha1(name.encode() * 100).hexdigest()
        DATA_HUB[name] = (f"{server.url}{name}.csv", sha1)
    assert download_all() is None
    assert entries(data) == ["a.csv", "b.csv", "c.csv"]


def archives(name):
    members = [(f"{name}/one.txt", b"1" * 500), (f"{name}/deep/two.txt", b"2")]
    return {
        ".zip": zipped(*members),
        ".tar.gz": tarred(*members),
        ".tgz": tarred(*members),
        ".tar": tarred(*members, mode="w"),
        ".tar.bz2": tarred(*members, mode="w:bz2"),
        ".tar.xz": tarred(*members, mode="w:xz"),
    }


@pytest.mark.parametrize("name", ["frogs-1.2", "my.target"])
@pytest.mark.parametrize("ending", list(archives("")))
def test_an_archive_is_extracted_next_to_itself(ending, name, server, data):
    file = name + ending
    server.files[file] = archives(name)[ending]
    DATA_HUB["frogs"] = (server.url + file, hashlib.sha1(server.files[file]).hexdigest())
    folder = download_extract("frogs")
    assert isinstance(folder, str)
    assert Path(folder).resolve() == data / name
    assert (data / name / "one.txt").read_bytes() == b"1" * 500
    assert (data / name / "deep" / "two.txt").read_bytes() == b"2"


def test_the_extracted_folder_may_have_another_name_than_the_archive(server, data):
    server.files["v3.zip"] = zipped(("frogs/one.txt", b"1"))
    assert Path(download_extract(server.url + "v3.zip", "frogs")).resolve() == data / "frogs"


OUTSIDE = {
    "a.zip": zipped(("../evil.txt", b"evil")),
    "b.zip": zipped(("c/../../evil.txt", b"evil")),
    "c.tar.gz": tarred(("../evil.txt", b"evil")),
    "d.tar.gz": tarred(("out", ".."), ("out/evil.txt", b"evil")),
    "e.tar.gz": tarred(("out", "/"), ("x", b"x")),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_archive_that_would_write_outside_its_folder_is_rejected(
    name, server, data, tmp_path, refused
):
    server.files[name] = OUTSIDE[name]
    with refused(DataError, "cannot extract", f"/{name}: "):
        download_extract(server.url + name)
    assert list(tmp_path.rglob("evil.txt")) == []
    assert entries(tmp_path / "notebooks") == []


def encrypted():
    """Return a zip archive whose only member is flagged as encrypted."""
    data = bytearray(zipped(("a/one.txt", b"1")))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def scrambled(data):
    """Return an archive with its middle third reversed."""
    third = len(data) // 3
    return data[:third] + data[third : 2 * third][::-1] + data[2 * third :]


NOISE = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))
DAMAGED = {
    "text.zip": BODY,
    "text.tar.gz": BODY,
    "empty.tar.gz": b"",
    "cut.zip": zipped(("a", NOISE))[:-30],
    "cut.tar.gz": tarred(("a", NOISE))[:-3000],
    "cut.tar": tarred(("a", NOISE), mode="w")[:2000],
    "scrambled.zip": scrambled(zipped(("a", NOISE + bytes(9000) + NOISE))),
    "stored.zip": scrambled(zipped(("a", NOISE), method=zipfile.ZIP_STORED)),
    "scrambled.tar.gz": scrambled(tarred(("a", NOISE + bytes(9000) + NOISE))),
    "scrambled.tar.xz": scrambled(tarred(("a", NOISE), mode="w:xz")),
    "encrypted.zip": encrypted(),
    "method.zip": zipped(("a", NOISE)).replace(b"\x08\0", b"\x63\0"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_is_not_a_complete_archive_is_rejected(name, server, refused):
    server.files[name] = DAMAGED[name]
    with refused(DataError, "cannot extract", f"/{name}: "):
        download_extract(server.url + name)


def test_extracting_onto_a_file_is_rejected(server, data, refused):
    server.files["frogs.zip"] = archives("frogs")[".zip"]
    data.mkdir()
    (data / "frogs").write_text("here")
    with refused(DataError, "frogs.zip"):
        download_extract(server.url + "frogs.zip")
    assert (data / "frogs").read_text() == "here"
