"""How the documentation is made: pages of notebooks, and links between files of the repository."""

from pathlib import Path

import nbformat
import pytest
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from support import module_at

ROOT = Path(__file__).parents[2]


def hook(name):
    """Return a hook as mkdocs loads it."""
    return module_at(ROOT / f"docs/hooks/{name}.py")


@pytest.fixture(scope="module")
def notebooks():
    return hook("notebooks")


@pytest.fixture
def config(tmp_path):
    config = MkDocsConfig()
    config.load_dict({"site_name": "a site", "docs_dir": str(tmp_path), "plugins": []})
    assert config.validate() == ([], [])
    config.plugins._current_plugin = "a hook"
    return config


def notebook(folder, *cells):
    """Write a notebook of cells of code; return the file as mkdocs knows it."""
    written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    nbformat.write(written, folder / "one.ipynb")
    return File("one.ipynb", str(folder), str(folder / "site"), False)


def test_a_page_shows_what_a_notebook_does(notebooks, config, tmp_path):
    files = [
        notebook(
            tmp_path,
            "import os; print('files:', os.listdir())",
            "print('\\x1b[31ma bar\\x1b[0m', end='\\r'); print('\\x1b[2Kdone\\n~~~~~')",
            "!hardmax --version",
            "from IPython.display import HTML; HTML('<p>one</p>\\n\\n<p>other</p>')",
            "import matplotlib.pyplot as plt; plt.plot([1, 2]);",
        )
    ]
    _, page, picture = notebooks.on_files(files, config)
    assert page.src_uri == "one.md"
    text = page.content_string
    for output in ("files: []", "done\n~~~~~", "hardmax 0."):
        assert f"~~~~~~~ {{ .text .output .no-copy }}\n{output}" in text
    assert '<div class="output">\n<p>one</p>\n\n<p>other</p>\n</div>\n' in text
    assert f"![The output of the code above]({picture.src_uri})" in text
    assert picture.src_uri == "one_files/one_4_0.png"
    assert picture.content_bytes.startswith(b"\x89PNG")
    assert "[download](one.ipynb)" in text


def test_a_notebook_is_executed_again_only_when_it_changes(notebooks, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(notebooks, "execute", lambda name, read: calls.append(name) or read)
    file = notebook(tmp_path, "1 + 1")
    notebooks.page(file)
    notebooks.page(file)
    notebooks.page(notebook(tmp_path, "1 + 2"))
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 / 0", "failed\n(.|\n)*division by zero"),
        ("import os; print(os.getcwd())", "has /"),
        ("!hardmax evaluate nowhere", "failed\n(.|\n)*CalledProcessError"),
    ],
)
def test_what_is_wrong_in_a_notebook_ends_the_build(notebooks, config, tmp_path, code, reason):
    file = notebook(tmp_path, "1 + 1", code)
    with pytest.raises(PluginError, match=f"one.ipynb: .*code cell 2 {reason}"):
        notebooks.on_files([file], config)


def test_what_is_true_on_one_computer_only_is_found(notebooks):
    thing = object()
    result = nbformat.v4.new_output("execute_result", {"text/plain": repr(thing)})
    assert notebooks.local_parts(result, []) == [hex(id(thing))]
    html = nbformat.v4.new_output("display_data", {"text/html": "<a href='/home/me/a'>a</a>"})
    assert notebooks.local_parts(html, ["/home/me/", "/srv"]) == ["/home/me/"]
    text = nbformat.v4.new_output("stream", text="0x1f, at /home, 10 of 0xabcd")
    assert notebooks.local_parts(text, ["/home/me/"]) == []


@pytest.mark.parametrize(
    ("name", "link", "expected"),
    [
        ("index.md", "docs/images.md#baselines", "images.md#baselines"),
        ("index.md", "ARCHITECTURE.md", "architecture.md"),
        ("index.md", "examples", "examples.md"),
        ("benchmarks.md", "../docs/images.md", "images.md"),
        ("images.md", "../README.md#what-works", "index.md#what-works"),
        ("images.md", "../constraints.txt", "constraints.txt"),
        ("tutorials/one.md", "../images.md", "../images.md"),
        ("tutorials/one.md", "../../README.md", "../index.md"),
        ("tutorials/one.md", "other.ipynb", "other.md"),
        ("tutorials/one.md", "one.ipynb", "one.ipynb"),
        ("index.md", "docs/tutorials/one.ipynb", "tutorials/one.md"),
        ("images.md", "../src/hardmax", "../src/hardmax"),
        ("images.md", "https://d2l.ai", "https://d2l.ai"),
        ("images.md", "#baselines", "#baselines"),
    ],
)
def test_links_of_the_repository_are_links_of_the_site(config, name, link, expected):
    repository = hook("repository")
    pages = ("images.md", "tutorials/one.md", "tutorials/one.ipynb", "tutorials/other.md")
    files = Files([File.generated(config, one, content="") for one in pages])
    files = repository.on_files(files, config)
    page = Page(None, files.get_file_from_path(name), config)
    text = f"A [link]({link}) and `code`."
    expected = f"A [link]({expected}) and `code`."
    assert repository.on_page_markdown(text, page, config, files) == expected


def test_options_in_a_text_are_marked_and_those_in_blocks_are_not():
    text = "<p><code>--model x-y -h</code>, a--b</p>"
    block = "<pre><span></span><code>hardmax --help\n</code></pre>"
    option = '<span class="option">{}</span>'.format
    expected = f"<p><code>{option('--model')} x-y {option('-h')}</code>, a--b</p>"
    assert hook("wrapping").on_page_content(text + block) == expected + block
