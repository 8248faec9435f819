"""Links lead from a page to the files of images, whatever their names."""

import os
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from hardmax.reports.links import Links

NAMES = [
    "a/b.png",
    "javascript:alert(1).png",
    'quote" onclick="x.png',
    "per%20cent #1?.png",
    "größer <b>.png",
    os.fsdecode(b"latin-\xe9.png"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["test", "training"])
def test_a_link_leads_to_the_file(tmp_path, name, part):
    roots = {"test": tmp_path / "the test", "training": tmp_path / "data"}
    path = roots[part] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    page = tmp_path / "runs/one"
    links = Links(str(page), str(roots["training"]), str(roots["test"]))
    href = links.href(part, name)
    assert href.startswith("../../")
    assert not {*' "<>#?:'} & {*href}
    address = urlsplit(urljoin((page / "report.html").as_uri(), href))
    assert address.scheme == "file"
    assert unquote(address.path, errors="surrogateescape") == str(path)


def test_a_name_that_begins_like_an_address_is_none(tmp_path):
    (tmp_path / "javascript:alert(1)").write_bytes(b"")
    links = Links(str(tmp_path), str(tmp_path), str(tmp_path))
    assert links.href("test", "javascript:alert(1)") == "javascript%3Aalert%281%29"


def test_only_files_that_are_there_have_links(tmp_path):
    links = Links(str(tmp_path), str(tmp_path), str(tmp_path))
    (tmp_path / "folder").mkdir()
    assert links.href("test", "none.png") is None
    assert links.href("test", "folder") is None
    assert links.href("test", 3) is None


def test_an_absolute_name_is_not_in_the_folder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    links = Links(str(tmp_path / "page"), "/none", "/none")
    assert links.href("test", str(tmp_path / "a.png")) == "../a.png"
    assert Path(tmp_path / "page" / "../a.png").resolve() == (tmp_path / "a.png").resolve()
