"""The reports in a real browser: in light and dark, on a phone and on paper, by keyboard."""

import csv
import re
from dataclasses import replace

import browser
import numpy as np
import pytest
from reported import BASELINE, EPOCHS, network_of, pair, record
from sklearn.linear_model import LogisticRegression
from support import mixed_table

from hardmax.data.datasets import Images
from hardmax.data.images.digits import load_digits
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.conformal import Conformity
from hardmax.evaluation.decision_rules import Costs
from hardmax.evaluation.explanation import Dependence, Explanation
from hardmax.evaluation.importance import Importance
from hardmax.evaluation.slices import Slice
from hardmax.parity import report as parity
from hardmax.reports.links import Links
from hardmax.reports.report import render
from hardmax.reports.suspects import Suspects

LONG = "what the customer said about it last"
NO, YES = "no, not within a year", "yes, at least once within a year"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def scores_of(train, test, rows):
    """Return scores of a test set by logistic regression on some training rows."""
    inputs = [one.inputs.reshape(len(one), -1).astype(float) for one in (train, test)]
    model = LogisticRegression(max_iter=2000).fit(inputs[0][rows] / 16, train.labels[rows])
    scores = model.decision_function(inputs[1] / 16)
    return scores if scores.ndim == 2 else np.stack([0 * scores, scores], axis=1)


def image_report(folder):
    """Return the report on files of images, with activation maps and suspects."""
    data = load_digits()
    scores = scores_of(data.train, data.test, slice(100))
    names = np.array(
        [f"test/{DIGITS[y]}/photo {i}.png" for i, y in enumerate(data.test.labels)], object
    )
    for name in names[::2]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    test = replace(data.test, names=names)
    evaluation = ClassifierEvaluation(scores, test.labels, classes=DIGITS)
    assert (~evaluation.is_correct).sum() > 24
    made = record(
        results={"baselines": [BASELINE, {**BASELINE, "name": "most frequent class"}]},
        settings={"data": "/data/pictures of digits", "augment": "flip,shift", "schedule": "cosine"}
        | {"batch_size": 32, "epochs": 12},
    )
    made |= {
        "started": "2026-11-30T01:02:03+01:00",
        "seconds": 61.5,
        "command": f"hardmax train '/data/{LONG}' --model small-resnet --augment flip,shift",
        "warnings": [f"the column {LONG} gives the class away"],
    }
    return render(
        made,
        test,
        evaluation,
        EPOCHS,
        suspects=[Suspects.of("test", test, evaluation)],
        maps=np.random.default_rng(0).random((24, 4, 4), np.float32),
        weights=123456,
        links=Links(str(folder / "run"), str(folder), str(folder)),
    )


def read_table(folder):
    """Return a table of two classes and many columns, as it is read."""
    frame = mixed_table(600).rename(columns={"letter": LONG, "number 3": "x" * 40})
    frame["outcome"] = frame["outcome"].map({"no": NO, "yes": YES})
    frame["remark"] = [f"said {i % 7} times that it is {i % 3}, {LONG}" for i in range(600)]
    frame.to_csv(folder / "table.csv", index=False)
    reading = Reading(label="outcome", column_kinds=("remark=text",))
    return load(str(folder / "table.csv"), reading)


def explained(data):
    """Return an explanation of a network on a table, with long names and values."""
    names = [code.name for code in data.encoding.columns]
    values = ["-0.000123457", "0.5", "3", "123457", "1.23457e+06", "a long category name"]
    shares = [[1 - 0.1 * i, 0.1 * i] for i in range(6)]
    return Explanation(
        classes=data.classes,
        rows=len(data.test),
        repeats=5,
        seed=0,
        importances=[
            Importance(name, 0.05 / (i + 1), 0.01, 0.4 / (i + 1), 0.05)
            for i, name in enumerate(names)
        ],
        dependences=[Dependence(name, values, shares) for name in names[:4]],
        slices=[
            Slice(names[0], "above 0.000123457 to 1234.57", 40, 10, 0.25, (0.1, 0.5), 1.5, 0.01),
            Slice(LONG, LONG, 50, 40, 0.8, (0.7, 0.9), 0.75, 0.5),
        ],
    )


def table_report(folder):
    """Return the report on a table with two classes, on folds, calibrated, with costs."""
    data = read_table(folder)
    scores = scores_of(data.train, data.test, slice(200))
    evaluation = ClassifierEvaluation(
        scores,
        data.test.labels,
        classes=data.classes,
        temperature=1.75,
        costs=Costs((*data.classes, "ask someone"), np.array([[0, 1, 0.2], [5, 0, 0.2]])),
        below=0.6,
        conformity=Conformity.of(scores, data.test.labels, 0),
    )
    counts = [np.bincount(one.labels).tolist() for one in (data.train, data.test)]
    made = record(
        settings={"folds": 3, "data": str(folder / "table.csv")},
        data={"class_counts": dict(zip(("train", "test"), counts, strict=True))},
        results={
            "members": [{"validation_accuracy": accuracy} for accuracy in (0.81, 0.84, 0.86)],
            "out_of_fold": {"accuracy": 0.84},
            "baselines": [{**BASELINE, "name": "gradient boosting of decision trees"}],
        },
    )
    made |= {"calibration": {"temperature": 1.75, "before": {"count": 77}}}
    return render(
        made,
        data.test,
        evaluation,
        EPOCHS,
        explanation=explained(data),
        suspects=[Suspects.of("test", data.test, evaluation)],
        encoding=data.encoding,
        weights=54321,
    )


def ensemble_report(folder):
    """Return the report of an ensemble on images of many classes with long names."""
    generator, count, classes = np.random.default_rng(0), 400, 50
    labels = np.arange(count) % classes
    scores = generator.normal(size=(count, classes)) + 2.5 * np.eye(classes)[labels]
    names = tuple(f"class {i} of {classes}" for i in range(classes))
    test = Images(generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8), labels)
    evaluation = ClassifierEvaluation(scores, labels, classes=names)
    made = record(results={"members": [{"validation_accuracy": 0.5}] * 5}, data={"validation": 99})
    return render(made, test, evaluation, EPOCHS, weights=5 * 10**6)


def parity_report(folder):
    """Return the parity report of two networks in four frameworks."""
    names = ("torch", "jax", "tensorflow", "mxnet")
    pairs = [
        pair(gradients=0.125 / (i + j), final_scores=10.0 ** -(i + j))
        | {"frameworks": [one, other], "above_limit": ["gradients"]}
        for i, one in enumerate(names)
        for j, other in enumerate(names[i + 1 :], 1)
    ]
    networks = [network_of(pairs), network_of(pairs, dropout=True) | {"model": "small-resnet"}]
    limits = parity.LIMITS["float32"]
    return parity.render({"precision": "float32", "limits": limits, "networks": networks})


REPORTS = (image_report, table_report, ensemble_report, parity_report)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder with the pages of the reports, by the names of the functions."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "run").mkdir()
    for report in REPORTS:
        (folder / f"run/{report.__name__}.html").write_text(report(folder), "utf-8")
    return folder / "run"


@pytest.fixture
def opened(chromium, written):
    """A function that opens the page of a report."""
    return lambda report: browser.opened(chromium, written / f"{report.__name__}.html")


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_can_be_read_everywhere_and_by_everyone(opened, report):
    with opened(report) as page:
        browser.check_page(page)


@pytest.mark.parametrize("report", [image_report, table_report])
def test_examples_are_searched_by_keyboard(opened, report):
    with opened(report) as page:
        examples = page.locator(".example")
        texts = [" ".join(text.split()) for text in examples.all_inner_texts()]
        word = texts[0].split()[0]
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.type") == "search":
                break
        page.keyboard.type(word.upper())
        expected = [text for text in texts if word.lower() in text.lower()]
        assert 0 < len(expected) < len(texts)
        shown = [one for one in examples.all() if one.is_visible()]
        assert [" ".join(one.inner_text().split()) for one in shown] == expected
        assert page.locator("output").inner_text() == f"{len(expected)} of {len(texts)}"
        for _ in word:
            page.keyboard.press("Backspace")
        assert all(one.is_visible() for one in examples.all())
        assert page.locator("output").inner_text() == ""


def saved(page, name):
    """Return the rows of a file that is saved by pressing Enter on its link."""
    link = page.locator(f"a[download='{name}']")
    link.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == name
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        return [*csv.reader(file)]


def test_the_numbers_of_a_drawing_are_saved_by_keyboard(opened):
    with opened(image_report) as page:
        header, *rows = saved(page, "loss-by-epoch.csv")
        assert header == ["curve", "epoch", "loss"]
        for name, part in (("training", "train"), ("test", "val")):
            found = [(float(x), float(y)) for curve, x, y in rows if curve == name]
            truth = [(one["epoch"], one[f"{part}_loss"]) for one in EPOCHS]
            np.testing.assert_allclose(found, truth, rtol=1e-5)
    with opened(parity_report) as page:
        _, *rows = saved(page, "relative-differences-of-mlp.csv")
        assert ["torch and jax", "gradients", "0.125"] in rows


def test_a_wide_table_is_scrolled_by_keyboard(opened):
    with opened(table_report) as page:
        browser.show(page, browser.PHONE)
        table = page.locator(".wide", has=page.locator("th", has_text=re.compile("^true class$")))
        table.first.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "box => box.scrollLeft > 50", arg=table.first.element_handle(), timeout=5000
        )
