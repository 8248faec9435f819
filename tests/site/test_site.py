"""The documentation site, as it is built: in a real browser, by keyboard, and complete.

`make test-docs` builds it before.
"""

import ast
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import browser
import pytest
import typer

from hardmax.cli.main import app
from hardmax.fields import flag, options_of
from hardmax.frameworks import FRAMEWORKS
from hardmax.runs.parameters import PARAMETERS
from hardmax.runs.settings import Settings

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
#: 404.html is only shown by servers.
PAGES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if path.stem != "404")

pytestmark = pytest.mark.skipif(not PAGES, reason="site/ has not been built; run make test-docs")

#: A window in which the navigation is beside the page.
WIDE = (1600, 900)


#: The windows and schemes that a page is shown in: fewer than in browser.check_page, and only one
#: for large pages that are made like that of PyTorch, so that all pages together take a minute.
VIEWS = [(browser.PHONE, "dark"), (browser.WINDOW, "light")]
ALIKE = {f"reference/{framework}.html" for framework in FRAMEWORKS} - {"reference/torch.html"}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_everywhere_and_by_everyone(chromium, name):
    with browser.opened(chromium, SITE / name) as page:
        for window, scheme in VIEWS[:1] if name in ALIKE else VIEWS:
            browser.show(page, window, scheme)
            browser.check_access(page)
            browser.check_layout(page)
        browser.check_paper(page)


def test_the_navigation_beside_a_page_can_be_read(chromium):
    with browser.opened(chromium, SITE / "index.html") as page:
        for scheme in ("light", "dark"):
            browser.show(page, WIDE, scheme)
            browser.check_access(page)
        browser.check_layout(page)
        assert page.get_by_role("link", name="Changelog", exact=True).is_visible()


def test_lists_are_not_shown_as_text():
    # Unlike others, Python-Markdown indents what belongs to an item by four spaces.
    for name in PAGES:
        texts = parsed(name).texts["p"]
        assert not [text for text in texts if "\n- " in text or text.startswith("- ")], name


def test_no_output_of_a_notebook_is_blank():
    for name in PAGES:
        assert not re.search(r"<code>\s*</code>", (SITE / name).read_text("utf-8")), name


def test_the_reference_has_every_parameter_of_the_estimator():
    text = (SITE / "reference/sklearn.html").read_text("utf-8")
    assert not [name for name in PARAMETERS if f"<code>{name}</code></b>" not in text]


def test_a_search_by_keyboard_finds_a_page(chromium):
    with browser.opened(chromium, SITE / "index.html") as page:
        page.keyboard.press("/")
        # One search: each key starts one, whose results replace those before.
        page.keyboard.insert_text("prediction sets coverag")
        page.keyboard.press("e")
        first = page.locator(".md-search-result__item a").first
        first.wait_for(timeout=60_000)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/metrics.html*", timeout=60_000)
        assert page.locator("h1").inner_text().startswith("Metrics")


class Texts(HTMLParser):
    """The texts of some elements of a page, and all identifiers."""

    def __init__(self):
        super().__init__()
        self.open, self.identifiers = [], set()
        self.texts = {"p": [], "dt": [], "td": [], "h2": []}

    def handle_starttag(self, tag, attrs):
        self.identifiers.update(value for name, value in attrs if name == "id")
        if tag in self.texts:
            self.open.append(tag)
            self.texts[tag].append("")

    def handle_endtag(self, tag):
        if tag in self.open:
            self.open.remove(tag)

    def handle_data(self, data):
        for tag in self.open:
            self.texts[tag][-1] += data


@cache
def parsed(name):
    """Return the texts of a page."""
    texts = Texts()
    texts.feed((SITE / name).read_text("utf-8"))
    return texts


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_public_name_of_a_framework_is_in_the_reference(framework):
    source = (ROOT / f"src/hardmax/{framework}/__init__.py").read_text("utf-8")
    # Not imported, so that one process can test all frameworks.
    (names,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    page = parsed(f"reference/{framework}.html")
    found = {one.removeprefix(f"hardmax.{framework}.") for one in page.identifiers}
    assert {"Trainer", "auto"} <= found
    assert set(names) <= found | set(page.texts["td"])


def test_every_command_and_option_is_in_the_reference():
    page = parsed("reference/commands.html")
    titles = [text.rstrip("¶") for text in page.texts["h2"]]
    group = typer.main.get_command(app)
    assert titles == ["hardmax", *(f"hardmax {name}" for name in group.commands)]
    words = {word.strip(",") for text in page.texts["dt"] for word in text.split()}
    for command in (group, *group.commands.values()):
        for parameter in command.params:
            names = parameter.opts if parameter.param_type_name == "option" else []
            assert set(names) <= words, command.name


def test_every_setting_is_in_the_table_of_settings():
    cells = set(parsed("settings.html").texts["td"])
    for name, (_, option) in options_of(Settings).items():
        assert name == "data" or flag(name, option) in cells
