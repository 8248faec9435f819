"""Pages in a real browser, and checks of them: of their looks, errors, requests, and access."""

import contextlib
import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

#: Programs that are Chromium, or may stand for it.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

#: The windows of a computer and of a phone, and a sheet of A4 between margins of 1 cm, in pixels.
WINDOW, PHONE, PAPER = ((width, 900) for width in (1200, 400, 718))
MARGINS = dict.fromkeys(("top", "right", "bottom", "left"), "1cm")

#: Waits until a page has been drawn anew and its scripts know its size.
SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

#: The impacts of what axe-core finds that keep somebody from reading a page.
SEVERE = {"serious", "critical"}

#: The browser shows a drawing to pages that may use a camera.
FAKE_CAMERA = "--use-fake-device-for-media-stream"

#: The schemes of addresses that need no network.
LOCAL = ("file:", "data:", "blob:")


@contextlib.contextmanager
def chromium():
    """Yield a headless Chromium of this system; skip the test if there is none to use."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        pytest.skip(f"there is none of {', '.join(PROGRAMS)} to open pages in")
    with sync_api.sync_playwright() as playwright:
        # The pages are the project's own, and root has no sandbox.
        browser = playwright.chromium.launch(
            executable_path=path, chromium_sandbox=False, args=[FAKE_CAMERA]
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, place, status=None, **options):
    """Yield a page in a new window; at the end it must have been quiet.

    ``place`` is a file, or an address, whose server is then the only one that may be asked. Nothing
    else was requested, and nothing has failed but requests that are answered with ``status``.
    ``options`` are those of the browser's context.
    """
    is_address = str(place).startswith("http")
    allowed = (*LOCAL, *([place] if is_address else []))
    with browser.new_context(reduced_motion="reduce", **options) as context:
        page, problems = context.new_page(), []

        def on_request(request):
            if not request.url.startswith(allowed):
                problems.append(f"request of {request.url}")

        def on_console(message):
            is_expected = status is not None and f"with a status of {status}" in message.text
            if message.type in ("error", "warning") and not is_expected:
                problems.append(f"{message.type}: {message.text}")

        context.on("request", on_request)
        context.on("console", on_console)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.goto(place if is_address else Path(place).absolute().as_uri())
        show(page, WINDOW)
        yield page
        refuse(problems)


def refuse(problems):
    """Fail with the problems that were found, if any."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def show(page, window, scheme="light", media="screen"):
    """Show a page in a window of a size, in a color scheme, light or dark, and let it adapt."""
    page.emulate_media(color_scheme=scheme, media=media)
    page.set_viewport_size(dict(zip(("width", "height"), window, strict=True)))
    page.evaluate(SETTLED)


def check_layout(page, is_paper=False):
    """Check that nothing is cut and no texts overlap; the page itself must not scroll to the side.

    On paper nothing scrolls.
    """
    page.evaluate(Path(__file__).with_suffix(".js").read_text())
    refuse([f"cut: {one}" for one in page.evaluate("cut", is_paper)])
    refuse([f"overlap: {one}" for one in page.evaluate("overlapping()")])


def check_access(page):
    """Check that axe-core finds nothing serious or critical.

    That includes contrasts, names for screen readers, and scrolling by keyboard.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    # Without preload, as a page from the disk may not read its style sheets as text.
    options = "{resultTypes: ['violations'], preload: false}"
    found = page.evaluate(f"axe.run(document, {options})")["violations"]
    severe = [one for one in found if one["impact"] in SEVERE]
    refuse([f"{one['id']}: {node['html']}" for one in severe for node in one["nodes"]])


def check_paper(page):
    """Check the page as it is printed, and that it can be; return the number of sheets."""
    show(page, PAPER, media="print")
    check_layout(page, is_paper=True)
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", margin=MARGINS)))
    assert sheets > 0
    return sheets


def check_page(page):
    """Check a page in both color schemes, in the window of a computer and a phone, and on paper."""
    for window in (WINDOW, PHONE):
        for scheme in ("light", "dark"):
            show(page, window, scheme)
            check_access(page)
        check_layout(page)
    check_paper(page)
    show(page, WINDOW)
