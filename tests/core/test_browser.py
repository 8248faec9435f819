"""The checks of pages find what is wrong with a page, and nothing else."""

import browser
import pytest

WORDS = "a few words " * 12
STYLE = "<style>body { color: #222; background: #fff; font: 16px sans-serif }</style>"
DARK = (
    "<style>@media (prefers-color-scheme: dark) { body { color: #222; background: #111 } }</style>"
)
WIDE = f"<div style='overflow: auto' tabindex=0><p style='width: 1000px'>{WORDS}</p></div>"
LINE = f"<div style='overflow: auto; white-space: nowrap' tabindex=0>{WORDS}</div>"
SVG = "<svg width=200 height=100 role=img aria-label=drawing>{}</svg>"
#: Their boxes overlap if they are not turned as well.
TURNED = "".join(f"<text transform='translate(40 {y}) rotate(40)'>a text</text>" for y in (20, 45))
ON_PAPER = (
    "<style>@media print { div { overflow: visible !important; white-space: normal !important }"
    "p { width: auto !important } }"
    "</style>"
)


def write(folder, body):
    path = folder / "page.html"
    path.write_text(
        f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>A page</title>{STYLE}"
        f"<main><h1>A page</h1>{body}</main></html>"
    )
    return path


@pytest.mark.parametrize("body", [WORDS, WIDE + ON_PAPER, LINE + ON_PAPER, SVG.format(TURNED)])
def test_a_page_without_faults_passes(chromium, tmp_path, body):
    with browser.opened(chromium, write(tmp_path, body)) as page:
        browser.check_page(page)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (f"<p style='width: 600px'>{WORDS}</p>", "cut: the page is 6"),
        (WIDE.replace("tabindex=0", ""), "scrollable-region-focusable"),
        (WIDE.replace("auto", "hidden"), "cut: <div>"),
        (WIDE, "cut: <div>"),  # on paper
        (f"<p style='margin-left: -50px'>{WORDS}</p>", "cut: <p>"),
        ("<p>one</p><p style='margin-top: -30px'>other</p>", "overlap: <p> one and <p> other"),
        (SVG.format("<text y=50>a text</text><text x=20 y=52>more</text>"), "overlap: <text> a"),
        (SVG.format("<text x=180 y=50>a text</text>"), "cut: <text> a text"),
        ("<p style='color: #ccc'>pale</p>", "color-contrast"),
        (f"{DARK}<p>invisible at night</p>", "color-contrast"),
        ("<img src='data:image/png;base64,' alt='' hidden><p><button></button></p>", "button-name"),
        ("<script>console.error('broken')</script>", "error: broken"),
        ("<script>missing()</script>", "error: missing is not defined"),
        ("<img src='http://127.0.0.1:9/a.png' alt='a picture'>", "request of http://127.0.0.1:9/"),
    ],
)
def test_a_fault_is_found(chromium, tmp_path, body, fault):
    with (
        pytest.raises(pytest.fail.Exception) as found,
        browser.opened(chromium, write(tmp_path, body)) as page,
    ):
        browser.check_page(page)
    assert fault in str(found.value)
