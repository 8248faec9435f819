"""The page of a server, in a real browser: asked by mouse and by keyboard, and compared with the
command line."""

import base64
import contextlib
import csv
import json
import re
import urllib.error
import urllib.request

import browser
import numpy as np
import pytest
from PIL import Image
from servers import serving
from sklearn.datasets import load_digits
from support import SOFTMAX

pytest.importorskip("onnxruntime")
pytest.importorskip("uvicorn")

pytestmark = pytest.mark.shared

#: The rows of the table, and those of the test set.
ROWS, TESTED = 160, 32
PLACES = [f"place {number}" for number in range(30)]
COSTS = "true,<b>stays</b>,leaves,call\n<b>stays</b>,0,1,0.2\nleaves,1,0,0.2\n"

#: What is filled in by the names of the fields, and the cells of this row as the table has them.
FIELDS = {
    "plan": "family",
    "place": "place 7",
    "months": "12",
    "fee": "39,50",
    "contract": "yes",
    "since": "2021-08-06",
    "called at": "14:30",
    "note": "wants to cancel, not glad",
}
CELLS = {**FIELDS, "since": "06/08/2021"}


def table_rows():
    """Return the rows of a table that has columns of all kinds."""
    generator = np.random.default_rng(0)
    notes = ["asked about the price of a call", "wants to cancel the plan", "is happy with it all"]
    for number in range(ROWS):
        months, note = int(generator.integers(1, 60)), str(generator.choice(notes))
        day, month = generator.integers(1, 29), generator.integers(1, 13)
        yield {
            "plan": generator.choice(["basic", "family"]),
            "place": PLACES[number % len(PLACES)],
            "months": "" if number % 20 == 3 else months,
            "fee": f"{generator.uniform(10, 90):.2f}".replace(".", ","),
            "contract": generator.choice(["yes", "no"]),
            "since": f"{day:02}/{month:02}/{2018 + number % 6}",
            "called at": f"{generator.integers(8, 20):02}:{generator.integers(60):02}",
            "note": f"{note}, {generator.choice(['very glad', 'not glad'])} about number {number}",
            "outcome": "leaves" if months < 30 or "cancel" in note else "<b>stays</b>",
        }


def write_table(path, rows):
    rows = [*rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving")
    write_table(folder / "customers.csv", table_rows())
    write_table(folder / "row.csv", [CELLS])
    write_table(folder / "few.csv", [{**dict.fromkeys(CELLS, ""), "months": "50"}])
    (folder / "costs.csv").write_text(COSTS)
    for number in (3, 8):
        pixels = (load_digits().images[number] * 15.9).astype(np.uint8)
        Image.fromarray(pixels).resize((40, 40)).save(folder / f"{number}.png")
    (folder / "no image.png").write_text("no image")
    (folder / "token").write_text("a-secret-token\n")
    return folder


@pytest.fixture(scope="module")
def served(run, folder):
    """A server of two runs: digits and customers."""
    for name, *data in (("digits", "digits"), ("customers", "customers.csv", "--label", "outcome")):
        done = run("train", *data, *SOFTMAX, "--epochs", 3, "--no-baselines", "--out", name)
        assert done.returncode == 0, done.stderr
    with serving(folder, "digits", "customers") as server:
        yield server


@pytest.fixture(scope="module")
def reliability(run, served):
    """The points of the reliability diagram of customers, by the bins of probabilities."""
    done = run("evaluate", "customers", "--json")
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout)["reliability"]
    return {int(point["confidence"] * 15): point for point in points}


@contextlib.contextmanager
def shown(chromium, address, **options):
    """Yield the page of a server; see ``browser.opened``."""
    with browser.opened(chromium, address, **options) as page:
        page.locator("#question").wait_for()
        yield page


@pytest.fixture
def page(chromium, served):
    with shown(chromium, served.address) as page:
        yield page


@pytest.fixture
def predicted(run):
    """A function that returns the predictions of the command line."""

    def predict(name, *files):
        done = run("predict", name, *files, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return predict


def percent(share):
    """Return a probability as the page shows it."""
    if share < 0.0005 or share >= 0.9995:
        return "< 0.1\xa0%" if share < 0.5 else "> 99.9\xa0%"
    return f"{100 * share:.1f}\xa0%"


def check_answer(answer, expected):
    """Compare an answer on the page with a prediction of the command line."""
    assert answer.locator(".label").inner_text() == expected["label"]
    assert f"Probability {percent(expected['probability'])}" in answer.inner_text()
    found = [row.all_inner_texts() for row in rows_of(answer)]
    shares = sorted(expected["probabilities"].items(), key=lambda pair: -pair[1])
    assert [text.split("\t")[0] for (text,) in found] == [name for name, _ in shares]
    assert [text.split("\t")[-1] for (text,) in found] == [percent(share) for _, share in shares]


def rows_of(answer):
    return answer.locator(".bars tr").all()


def choose(page, name):
    page.get_by_label("Classifier").select_option(name)


def fill(page, fields):
    for name, value in fields.items():
        field = page.get_by_label(name, exact=True)
        if field.evaluate("one => one.localName") == "select":
            field.select_option(value)
        else:
            field.fill(value)


def give(page, event, paths):
    """Give files to the page by an event that a mouse or a keyboard makes: drop or paste."""
    files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
    page.evaluate(
        """([event, files]) => {
            const data = new DataTransfer();
            for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), one => one.charCodeAt());
                data.items.add(new File([bytes], name, { type: "image/png" }));
            }
            const made = event === "paste"
                ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
                : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector("#drop").dispatchEvent(made);
        }""",
        [event, files],
    )


@pytest.mark.parametrize("way", ["choose", "drop", "paste"])
def test_images_are_classified_as_on_the_command_line(page, folder, predicted, way):
    paths = [folder / "3.png", folder / "8.png"]
    if way == "choose":
        page.get_by_label("Choose images").set_input_files(paths)
    else:
        give(page, way, paths)
    answers = page.get_by_role("article")
    answers.nth(1).wait_for()
    for answer, path, expected in zip(
        answers.all(), paths, predicted("digits", "3.png", "8.png"), strict=True
    ):
        check_answer(answer, expected)
        assert answer.get_by_role("img").get_attribute("alt") == path.name
        assert answer.get_by_role("img").evaluate("one => one.naturalWidth") == 40
    assert page.get_by_role("alert").is_hidden()
    browser.check_page(page)


def test_a_file_that_is_no_image_is_named_and_the_others_are_classified(chromium, served, folder):
    with shown(chromium, served.address, status=400) as page:
        paths = [folder / "no image.png", folder / "3.png"]
        page.get_by_label("Choose images").set_input_files(paths)
        page.get_by_role("article").wait_for()
        page.get_by_role("alert").wait_for()
        assert "no image.png" in page.get_by_role("alert").inner_text()
        assert page.get_by_role("article").count() == 1
        browser.check_page(page)


def test_the_camera_is_used_if_it_may_be(chromium, served):
    with shown(chromium, served.address, permissions=["camera"]) as page:
        page.get_by_role("button", name="Use the camera").click()
        page.get_by_role("dialog").wait_for()
        browser.check_access(page)
        page.keyboard.press("Enter")
        page.get_by_role("article").wait_for()
        assert page.get_by_role("dialog").is_hidden()
        assert page.evaluate("document.querySelector('video').srcObject") is None


def test_a_camera_that_may_not_be_used_is_said(page):
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("alert").wait_for()
    assert "camera" in page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("fields", [FIELDS, {"months": "50"}], ids=["row", "few"])
def test_a_row_is_classified_as_on_the_command_line(page, predicted, reliability, fields):
    choose(page, "customers")
    fill(page, fields)
    page.get_by_role("button", name="Classify").click()
    page.get_by_role("article").wait_for()
    name = "row.csv" if fields == FIELDS else "few.csv"
    (expected,) = predicted("customers", name)
    answer = page.get_by_role("article")
    check_answer(answer, expected)
    place = int(expected["probability"] * 15)
    point, (low, high) = reliability[place], (f"{100 * (place + i) / 15:.3g}" for i in (0, 1))
    assert answer.locator(".note").inner_text() == (
        f"Of the {round(point['share'] * TESTED)} test rows with a probability between "
        f"{low}\xa0% and {high}\xa0%, {100 * point['accuracy']:.3g}\xa0% were classified correctly."
    )
    browser.check_page(page)


def test_the_example_of_a_row_can_be_classified(page):
    choose(page, "customers")
    page.get_by_role("button", name="Fill in an example").click()
    filled = [one.input_value() for one in page.locator("#fields :is(input, select)").all()]
    assert "" not in filled
    page.get_by_role("button", name="Classify").click()
    page.get_by_role("article").wait_for()
    page.get_by_role("button", name="Clear").click()
    assert page.get_by_label("plan", exact=True).input_value() == ""


def test_a_cell_that_does_not_fit_is_refused_by_its_column(chromium, served):
    with shown(chromium, served.address, status=400) as page:
        choose(page, "customers")
        fill(page, {**FIELDS, "months": "many"})
        page.get_by_role("button", name="Classify").click()
        page.get_by_role("alert").wait_for()
        assert "months" in page.get_by_role("alert").inner_text()
        browser.check_page(page)


def test_a_row_is_classified_by_keyboard_alone(chromium, served, predicted):
    with shown(chromium, served.address, locale="en-US") as page:
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        for name, keys in {**FIELDS, "since": "08062021", "called at": "0230PM"}.items():
            tab_to(page, f"[name='{name}']")
            page.keyboard.type(keys)
        tab_to(page, "button.primary")
        page.keyboard.press("Enter")
        page.get_by_role("article").wait_for()
        (expected,) = predicted("customers", "row.csv")
        check_answer(page.get_by_role("article"), expected)


def tab_to(page, selector):
    """Press Tab until an element has the focus; a date has one for each of its parts."""
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    pytest.fail(f"{selector} cannot be reached")


def test_an_image_is_classified_by_keyboard_alone(page, folder):
    # The browser needs a moment until it reports that a file is to be chosen.
    with page.expect_file_chooser() as chosen:
        tab_to(page, "#files")
        page.keyboard.press("Enter")
    chosen.value.set_files(folder / "3.png")
    page.get_by_role("article").wait_for()
    # A screen reader hears the answer.
    label = page.locator(".label").inner_text()
    assert page.get_by_role("status").inner_text().startswith(f"3.png {label}")


def test_the_report_of_a_run_is_shown_with_all_that_is_in_it(page, folder):
    page.get_by_role("link", name="Report of the training").click()
    page.wait_for_url("**/report/digits")
    assert page.get_by_role("heading", level=1).inner_text() == "softmax-regression on digits"
    search = page.get_by_role("searchbox")
    search.fill("nothing has these words")
    assert re.fullmatch("0 of [0-9]+", page.locator("#search output").inner_text())


def test_what_the_page_links_to_is_there(page, served):
    for link in page.locator("footer a").all():
        with urllib.request.urlopen(served.address + link.get_attribute("href")) as answer:
            assert answer.status == 200


def test_without_scripts_the_page_says_what_to_do(chromium, served):
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(served.address)
        assert "needs JavaScript" in page.get_by_role("main").inner_text()
        assert page.get_by_role("heading", name="Prediction").is_hidden()


def test_the_documentation_of_the_api_can_be_read(page):
    page.get_by_role("link", name="Documentation of the API").click()
    page.get_by_role("heading", name="POST /predict").wait_for()
    for details in page.locator("details").all():
        details.locator("summary").click()
    browser.check_page(page)


@pytest.mark.parametrize(
    ("options", "decision"),
    [
        (("--costs", "costs.csv"), "Decision: (<b>stays</b>|leaves|call)"),
        (("--abstain-below", "1"), "No decision: the probability is too low."),
    ],
)
def test_a_decision_is_shown(chromium, served, folder, options, decision):
    with (
        serving(folder, "customers", *options) as server,
        shown(chromium, server.address) as page,
    ):
        page.get_by_role("button", name="Classify").click()
        page.get_by_role("article").wait_for()
        assert re.fullmatch(decision, page.locator(".decision").inner_text())
        assert page.get_by_label("Classifier").is_hidden()
        browser.check_page(page)


def test_a_browser_asks_for_the_token(chromium, served, folder):
    with serving(folder, "digits", "--token-file", "token") as server:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(server.address)
        credentials = {"username": "", "password": "a-secret-token"}
        with shown(chromium, server.address, http_credentials=credentials) as page:
            page.get_by_label("Choose images").set_input_files(folder / "3.png")
            page.get_by_role("article").wait_for()


def test_a_file_that_is_too_large_is_not_sent(chromium, served, folder):
    large = folder / "large.png"
    large.write_bytes(bytes(2**20 + 1))
    with (
        serving(folder, "digits", "--max-body", "1") as server,
        shown(chromium, server.address) as page,
    ):
        page.get_by_label("Choose images").set_input_files(large)
        page.get_by_role("alert").wait_for()
        assert "larger than 1 MiB" in page.get_by_role("alert").inner_text()
