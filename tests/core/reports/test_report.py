"""A report shows the results of a run in one self-contained HTML file."""

import base64
import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image
from reported import BASELINE, CLASSES, EPOCHS, EXPLANATION, record
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.metrics import (
    average_precision_score,
    log_loss,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from hardmax.data.datasets import Images, Vectors
from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.row_encoding import ColumnValues
from hardmax.data.tables.encoding import ColumnCode, Encoding
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.decision_rules import Costs
from hardmax.evaluation.importance import Importance
from hardmax.reports.links import Links
from hardmax.reports.report import render
from hardmax.reports.suspects import Suspect, Suspects

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """A parsed page: its visible text, its tags with their attributes, the rows of its tables."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts, self.rows = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == [], "elements were not closed"
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "svg", "script"} & set(self.open):
            self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += " ".join(data.split())


def case(labels, predictions, channels=1, seed=0):
    """Return images of noise with their labels, and scores that lead to the predictions."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (len(labels), 3, 5, channels), dtype=np.uint8)
    scores = generator.random((len(labels), 3)).astype(np.float32)
    scores[np.arange(len(labels)), predictions] += 1 + 3 * generator.random(len(labels))
    return Images(images, np.array(labels)), scores


AREAS = (roc_auc_score, average_precision_score)
LABELS = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
PREDICTIONS = [0, 0, 2, 2, 1, 1, 0, 2, 2, 0]


def page(labels=LABELS, predictions=PREDICTIONS, channels=1, epochs=EPOCHS, maps=None, **changes):
    test, scores = case(labels, predictions, channels)
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    return render(record(**changes), test, evaluation, epochs, maps=maps)


@pytest.mark.parametrize("maps", [None, np.ones((4, 2, 2), np.float32)])
def test_the_page_is_self_contained(maps):
    html = page(maps=maps)
    for tag, attributes in Page(html).tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name.rpartition(":")[2] in {"src", "href", "srcset", "data", "poster", "action"}:
                kind = "text/csv;charset=utf-8" if tag == "a" else "image/png"
                assert value.startswith(f"data:{kind};base64,"), (tag, name, value)
            for place in re.findall(r"url\(([^)]*)\)", value or ""):
                assert place.startswith("#")
    assert "@import" not in html


def test_the_page_has_no_url():
    html = re.sub(r"data:(image|text)/[^,]*;base64,[\w+/=]+", "", page())
    assert re.findall(r"(?:https?:)?//[^\s\"'<>]*", html) == []


def test_the_only_script_searches_the_examples_and_needs_no_network():
    html = page()
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert not re.search(
        r"fetch|XMLHttp|import|eval|innerHTML|src|href|window|document\.write", script
    )
    # Without scripts the search stays hidden, and all examples are shown.
    ((_, box),) = [tag for tag in Page(html).tags if tag[1].get("id") == "search"]
    assert "hidden" in box
    examples = [tag for _, tag in Page(html).tags if "example" in tag.get("class", "").split()]
    assert len(examples) == 4
    assert not [tag for tag in examples if "hidden" in tag]
    assert "<script" not in page(LABELS, LABELS)


def test_names_are_escaped():
    html = page()
    assert "<b>" not in html
    assert html.count("<script") == 1
    text = Page(html).text
    assert all(name in text for name in CLASSES)
    assert "mlp on a & b" in text
    alts = {attributes["alt"] for tag, attributes in Page(html).tags if tag == "img"}
    assert any(f"true class {CLASSES[1]}" in alt for alt in alts)


def test_the_accuracy_is_shown_with_its_count_and_interval():
    text = Page(page()).text
    interval = binomtest(6, 10).proportion_ci(0.95, method="wilson")
    assert "60.00 % of the test images are classified correctly: 6 of 10." in text
    assert f"{100 * interval.low:.2f} % to {100 * interval.high:.2f} %" in text
    test, scores = case(LABELS, PREDICTIONS)
    assert f"(cross-entropy) is {log_loss(test.labels, softmax(scores, axis=1)):.4f}" in text
    assert "for 3 of 9 epochs on 120 images" in text


def test_every_epoch_is_a_row():
    rows = Page(page()).rows
    start = next(i for i, row in enumerate(rows) if row[0] == "epoch")
    for i in range(1, 4):
        numbers = (1.25 / i, 0.5 + i / 100, 1.75 / i, 0.25 + i / 100)
        assert rows[start + i] == [str(i), *(f"{n:.4f}" for n in numbers), f"{i / 8:.3f}"]


@pytest.mark.parametrize(
    ("augment", "end"),
    [
        ({}, "."),
        ({"augment": "none"}, "."),
        ({"augment": "flip,shift"}, ", on images changed by flip,shift."),
    ],
)
def test_the_page_says_if_training_images_were_changed(augment, end):
    note = f"means over the epoch, while the weights were changing{end}"
    assert note in Page(page(settings=augment)).text


def test_the_metrics_of_the_classes_agree_with_scikit_learn():
    rows = Page(page()).rows
    start = next(i for i, row in enumerate(rows) if row[0] == "class")
    test, scores = case(LABELS, PREDICTIONS)
    p = softmax(scores.astype(float), axis=1)
    *parts, support = precision_recall_fscore_support(LABELS, PREDICTIONS)
    for i, name in enumerate(CLASSES):
        areas = [metric(test.labels == i, p[:, i]) for metric in AREAS]
        values = [f"{value:.3f}" for value in (*(part[i] for part in parts), *areas)]
        assert rows[start + 1 + i] == [name, *values, str(support[i])]


def test_the_confusion_matrix_has_true_classes_in_rows():
    rows = Page(page()).rows
    start = next(i for i, row in enumerate(rows) if row == ["", *CLASSES])
    counts = [[2, 0, 2], [1, 2, 0], [1, 0, 2]]
    for i, name in enumerate(CLASSES):
        assert rows[start + 1 + i] == [name, *map(str, counts[i])]


def test_the_settings_and_the_data_are_shown():
    rows = Page(page()).rows
    for row in (["lr", "0.1"], ["device", "cpu"], ["data fingerprint", "f1" * 32]):
        assert row in rows
    assert not [row for row in rows if row[0] == "patience"]


def explained(**changes):
    test, scores = case(LABELS, PREDICTIONS)
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    explanation = replace(EXPLANATION, **changes)
    return render(record(), test, evaluation, EPOCHS, explanation=explanation)


def test_an_explanation_is_shown_with_bars_and_curves():
    html = explained()
    assert "<i>" not in html
    shown = Page(html)
    assert "means and standard deviations of 3 permutations in 100 test rows" in shown.text
    assert ["<i>a", "", "0.5000 ± 0.1250", "0.1250 ± 0.0100"] in shown.rows
    assert ["<i>a", "<i>x", "40", "0.2500 *", "0.1000 to 0.5000", "1.5000"] in shown.rows
    assert ["b", "above 1 to 2", "50", "0.8000", "0.7000 to 0.9000", "0.7500"] in shown.rows
    assert "for all 2 slices of at least 20 rows together" in shown.text
    widths = [tag["width"] for name, tag in shown.tags if name == "rect" and tag["height"] == "6"]
    assert widths == ["80.0", "0.0"]
    drawing = html[html.index(f"Mean probability of {CLASSES[0]}") :]
    points = [
        [tuple(map(float, point.split(","))) for point in line.split()]
        for line in re.findall(r'<polyline class="curve c\d" points="([^"]*)"', drawing)[:3]
    ]
    # The axis runs from 0.1 to 0.7 over 250 pixels.
    for line, (left, right) in zip(points, [(0.2, 0.1), (0.3, 0.2), (0.5, 0.7)], strict=True):
        heights = [(260 - y) / 250 * 0.6 + 0.1 for _, y in line]
        assert heights == pytest.approx([left, right], abs=1e-3)
        assert [x for x, _ in line] == [52, 312]
    assert ">a long va…</text>" in drawing


def test_an_explanation_of_text_alone_has_only_importances():
    text = Page(explained(dependences=[], slices=[])).text
    assert "Importance of the columns" in text
    assert "Partial dependence" not in text
    assert "Slices" not in text


def images(html, kind):
    """Return the images of a kind, decoded, with their alt texts, in order."""
    start = f"data:image/{kind};base64,"
    tags = [tag for name, tag in Page(html).tags if name == "img"]
    return [
        (base64.b64decode(tag["src"].removeprefix(start)), tag["alt"])
        for tag in tags
        if tag["src"].startswith(start)
    ]


def mistakes(html):
    """Return the images of the mistakes as arrays, with their alt texts."""
    return [(np.asarray(Image.open(io.BytesIO(png))), alt) for png, alt in images(html, "png")]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_worst_mistakes_come_first_with_their_images(channels):
    html = page(channels=channels)
    test, scores = case(LABELS, PREDICTIONS, channels)
    probabilities = softmax(scores.astype(float), axis=1).max(axis=1)
    wrong = [i for i in range(10) if LABELS[i] != PREDICTIONS[i]]
    wrong.sort(key=lambda i: -probabilities[i])
    shown = mistakes(html)
    assert len(shown) == 4
    text = Page(html).text
    for i, (pixels, alt) in zip(wrong, shown, strict=True):
        np.testing.assert_array_equal(pixels.reshape(3, 5, channels), test.images[i])
        assert alt == f"test image {i}, true class {CLASSES[LABELS[i]]}"
        assert f"predicted: {CLASSES[PREDICTIONS[i]]} ({probabilities[i]:.3f})" in text


@pytest.mark.parametrize("channels", [1, 3])
def test_activation_maps_are_laid_over_the_worst_mistakes(channels):
    maps = np.random.default_rng(5).random((4, 2, 3), np.float32) * 7
    shown = mistakes(page(channels=channels, maps=maps))
    assert len(shown) == 8
    worst = [alt for _, alt in mistakes(page(channels=channels))]
    assert [alt for _, alt in shown[::2]] == worst
    for (pixels, alt), (mapped, text), one in zip(shown[::2], shown[1::2], maps, strict=True):
        number = int(re.search(r"\d+", alt)[0])
        predicted = CLASSES[PREDICTIONS[number]]
        assert text == f"where in test image {number} the score of {predicted} comes from"
        large = Image.fromarray(one / one.max()).resize((5, 3), Image.Resampling.BILINEAR)
        colors = 255 * colormaps["viridis"](np.asarray(large))[:, :, :3]
        gray = np.asarray(Image.fromarray(pixels).convert("L"), float)[:, :, None]
        # The colors of a map have 256 steps.
        np.testing.assert_allclose(mapped, 0.6 * colors + 0.4 * gray, atol=2)


def test_the_page_says_what_activation_maps_show():
    maps = np.ones((4, 2, 3), np.float32)
    text = Page(page(maps=maps)).text
    assert "shows where the network looked: from purple, over green, to yellow" in text
    assert "the last feature map, which has 2 × 3 positions, interpolated" in text
    assert "scaled to its own maximum. " in text
    assert "all over" not in text
    maps[2] = 0
    html = page(maps=maps, results={"members": [{"validation_accuracy": 0.5}] * 3})
    text = Page(html).text
    assert "a picture that is purple all over has no such place" in text
    assert "maximum; the mean of those of the 3 networks. " in text
    purple = 255 * np.array(colormaps["viridis"](0.0)[:3])
    pixels, mapped = (mistakes(html)[i][0] for i in (4, 5))
    np.testing.assert_allclose(mapped, 0.6 * purple + 0.4 * pixels[:, :, None], atol=1)
    assert "where the network looked" not in Page(page()).text


def test_of_many_mistakes_the_worst_24_are_shown():
    labels, predictions = [0] * 100, [1] * 100
    _, scores = case(labels, predictions)
    probabilities = softmax(scores.astype(float), axis=1).max(axis=1)
    numbers = [int(re.search(r"\d+", alt)[0]) for _, alt in mistakes(page(labels, predictions))]
    assert numbers == np.argsort(-probabilities)[:24].tolist()


def test_a_test_set_without_mistakes_is_reported():
    html = page(LABELS, LABELS)
    assert mistakes(html) == []
    text = Page(html).text
    assert "100.00 % of the test images" in text
    assert "None: every test example is classified correctly." in text


@pytest.mark.parametrize("channels", [1, 3])
def test_labels_that_may_be_wrong_are_shown_with_their_images(channels):
    labels, predictions = [0] * 30 + [1] * 30 + [2] * 30, [1] * 22 + [0] * 8 + [1] * 30 + [2] * 30
    test, noise = case(labels, predictions, channels)
    scores = 4 * np.eye(3)[predictions] + 0.1 * noise
    scores[test.labels != predictions] *= 1.5
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    validation = Suspects.of("validation", test, evaluation)
    none = Suspects.of("test", *others(np.arange(30) % 3))
    html = render(record(), test, evaluation, EPOCHS, suspects=[validation, none])
    shown = [(pixels, alt) for pixels, alt in mistakes(html) if alt.startswith("validation")]
    assert len(shown) == 20
    text = Page(html).text
    for suspect, (pixels, alt) in zip(validation.shown, shown, strict=True):
        assert alt == f"validation image {suspect.place}, label {suspect.label}"
        pixels = pixels.reshape(3, 5, channels)
        np.testing.assert_array_equal(pixels, test.images[suspect.place])
        label, predicted = suspect.label_probability, suspect.predicted_probability
        assert f"image {suspect.place} label: {suspect.label} ({label:.3f})" in text
        assert f"predicted: {suspect.predicted} ({predicted:.3f})" in text
    assert "22 of 90 validation images; the 20 most suspicious are shown." in text
    assert "0 of 30 test images." in text


def others(labels):
    """Return table rows that are classified correctly, and their evaluation."""
    rows = Vectors(np.zeros((len(labels), 1), np.float32), labels)
    return rows, ClassifierEvaluation(4 * np.eye(3)[labels], labels)


def test_labels_of_rows_that_may_be_wrong_are_in_a_table():
    labels = np.arange(90) % 3
    scores = 4 * np.eye(3)[labels]
    labels[7] = 0
    rows = Vectors(np.zeros((90, 1), np.float32), labels, np.arange(90) + 1000)
    evaluation = ClassifierEvaluation(scores, labels, classes=CLASSES)
    suspects = Suspects.of("training", rows, evaluation)
    html = render(record(), rows, evaluation, EPOCHS, suspects=[suspects])
    p = softmax([4.0, 0, 0])
    assert ["1008", CLASSES[0], f"{p[1]:.3f}", CLASSES[1], f"{p[0]:.3f}"] in Page(html).rows
    assert "1 of 90 training rows." in Page(html).text
    assert "Labels that may be wrong" not in page()


def test_classes_never_predicted_or_without_examples_are_told_apart():
    rows = Page(page([0, 0, 1], [0, 2, 0])).rows
    start = next(i for i, row in enumerate(rows) if row[0] == "class")
    assert rows[start + 2][:4] == [CLASSES[1], "never predicted", "0.000", "0.000"]
    assert rows[start + 3][:2] == [CLASSES[2], "0.000"]
    assert rows[start + 3][2:] == ["no examples", "0.000", "undefined", "undefined", "0"]


@pytest.mark.parametrize(("validation", "fraction"), [(0, None), (30, 0.2), (30, None)])
def test_the_page_says_what_the_curves_were_computed_on(validation, fraction):
    html = page(data={"validation": validation}, settings={"validation": fraction})
    text, labels = Page(html).text, labels_of(html)
    on_test = "the curves are computed on the test set"
    held = "The curves are computed on a validation set of 30 images"
    split = f"{held} split off the training set."
    held_out = "validation" if validation else "test"
    assert (on_test in text, held in text) == (not validation, bool(validation))
    assert (split in text, f"{held}." in text) == (
        fraction is not None,
        fraction is None and bool(validation),
    )
    assert f"{held_out} loss" in text
    assert f"Training and {held_out} loss by epoch" in labels


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize("stopped", [False, True])
def test_the_page_says_why_training_ended(interrupted, stopped):
    text = Page(
        page(
            results={"interrupted": interrupted, "stopped_early": stopped, "weights_epoch": 2},
            settings={"patience": 4} if stopped else {},
            data={"validation": 30},
        )
    ).text
    assert ("The training was interrupted" in text) == interrupted
    assert ("The training stopped early" in text) == stopped
    assert ("had not improved for 4 epochs" in text) == stopped


@pytest.mark.parametrize("patience", [None, 4])
def test_the_page_says_which_weights_were_saved_even_after_all_epochs(patience):
    changes = {"settings": {"patience": patience}, "results": {"weights_epoch": 2}}
    text = Page(page(**changes, data={"validation": 30})).text
    sentence = "The weights are those of epoch 2, which has the lowest validation loss."
    assert (sentence in text) == bool(patience)
    assert "stopped early" not in text


def test_baselines_are_shown_beside_the_network():
    changes = {"results": {"baselines": [BASELINE]}, "data": {"validation": 30}}
    html = page(**changes)
    test, scores = case(LABELS, PREDICTIONS)
    loss = log_loss(test.labels, softmax(scores, axis=1))
    rows = Page(html).rows
    start = rows.index(["hardmax: mlp", "0.6000", f"{loss:.4f}", "", "", "", "120", ""])
    assert rows[start + 1] == ["other", "0.3000", "1.2500", "3", "0", "0.25", "150", "7"]
    text = Page(html).text
    assert (
        "hardmax classifies 3 more of the 10 test examples correctly than other; this may be "
        "chance (McNemar's test: p = 0.25)."
    ) in text
    assert "softmax regression on the pixels, trained for a few epochs" in text
    labels = np.array(LABELS)
    evaluation = ClassifierEvaluation(scores, labels, classes=CLASSES)
    table = Vectors(np.zeros((len(labels), 1), np.float32), labels)
    text = Page(render(record(**changes), table, evaluation, EPOCHS)).text
    assert "on the same encoded rows and on those of the validation set. McNemar's" in text
    # They were compared with the network on its own test set, not on other data.
    assert "Baselines" not in Page(page(**changes, epochs=())).text
    assert "Baselines" not in Page(page()).text


def test_the_page_says_what_folds_were_for():
    test, scores = case(LABELS, PREDICTIONS)
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    members = [{"validation_accuracy": accuracy} for accuracy in (0.5, 0.6)]

    def text(out_of_fold, calibration):
        results = {"members": members, **out_of_fold}
        made = record(results=results, settings={"folds": 2}) | calibration
        return Page(render(made, test, evaluation, EPOCHS)).text

    seen = {"out_of_fold": {"accuracy": 0.55}}
    calibration = {"calibration": {"temperature": 2.0, "before": {"count": 77}}}
    part = "On the examples that a network had not seen, 55.00 % are classified correctly"
    assert f"{part}, and the probabilities are calibrated on these. " in text(seen, calibration)
    # Scores that are no better than chance are not calibrated.
    assert f"{part}. The metrics" in text(seen, {})
    # An interrupted training may not have scores of all examples.
    assert "to 60.00 %. The metrics" in text({}, {})


def many_classes(classes, count):
    generator = np.random.default_rng(0)
    labels = np.arange(count) % classes
    predictions = np.where(
        generator.random(count) < 0.8, labels, generator.integers(0, classes, count)
    )
    predictions[:9] = labels[:9] = 0
    predictions[:4], predictions[4:9] = 7, 5
    scores = np.zeros((count, classes), np.float32)
    scores[np.arange(count), predictions] = 1
    images = np.zeros((count, 2, 2, 1), np.uint8)
    names = tuple(f"class {i}" for i in range(classes))
    evaluation = ClassifierEvaluation(scores, labels, classes=names)
    return render(record(), Images(images, labels), evaluation, EPOCHS)


def test_with_many_classes_the_most_frequent_confusions_replace_the_matrix():
    html = many_classes(1000, 5000)
    assert len(html) < 500_000
    text, rows = Page(html).text, Page(html).rows
    assert "The confusion matrix of 1000 classes is too large to show" in text
    start = rows.index(["true class", "predicted class", "test examples"])
    assert rows[start + 1 : start + 3] == [["class 0", "class 5", "5"], ["class 0", "class 7", "4"]]
    assert len([row for row in rows[start:] if row[0].startswith("class ")]) == 30
    assert max(len(row) for row in rows) < 10


def test_the_full_matrix_is_shown_for_up_to_50_classes():
    assert max(len(row) for row in Page(many_classes(50, 500)).rows) == 51
    assert max(len(row) for row in Page(many_classes(51, 500)).rows) < 10


def test_the_page_for_twenty_thousand_classes_has_less_than_4_mb():
    assert len(many_classes(20_000, 2_000)) < 4_000_000


def labels_of(html):
    """Return what the drawings are called for screen readers."""
    tags = [tag for name, tag in Page(html).tags if name == "svg" and "aria-label" in tag]
    return [tag["aria-label"] for tag in tags]


def whole_drawings(html):
    return re.findall(r'<figure class="drawing">.*?</figure>', html, re.DOTALL)


def test_loss_and_accuracy_have_two_curves_each():
    html = page()
    assert labels_of(html)[:2] == [
        f"Training and test {name} by epoch" for name in ("loss", "accuracy")
    ]
    for number, (name, up) in enumerate((("loss", (0, 2.5)), ("accuracy", (0.2, 0.6)))):
        drawn = points(whole_drawings(html)[number])
        assert len(drawn) == 2
        for line, part in zip(drawn, ("train", "val"), strict=True):
            np.testing.assert_allclose(3 * line[:, 0], [1, 2, 3], atol=0.01)
            values = up[0] + line[:, 1] * (up[1] - up[0])
            np.testing.assert_allclose(values, [e[f"{part}_{name}"] for e in EPOCHS], atol=0.01)


def test_the_axis_of_epochs_has_whole_numbers():
    first = whole_drawings(page())[0]
    shown = re.findall(r'text-anchor="middle">([\d.]+)</text>', first)
    assert shown == ["0", "1", "2", "3"]


def test_the_numbers_of_every_drawing_can_be_saved():
    html = explained()
    for drawing in whole_drawings(html):
        (tag,) = [tag for name, tag in Page(drawing).tags if name == "a"]
        assert re.fullmatch(r"[\w.-]+\.csv", tag["download"])
        data = base64.b64decode(tag["href"].partition("base64,")[2]).decode()
        header, *rows = csv.reader(io.StringIO(data))
        assert header[0] == "curve"
        assert len(rows) == sum(len(line) for line in points(drawing))
    (tag,) = [tag for _, tag in Page(html).tags if tag.get("download") == "importance.csv"]
    data = base64.b64decode(tag["href"].partition("base64,")[2]).decode()
    assert [*csv.reader(io.StringIO(data))][1] == ["<i>a", "0.5", "0.125", "0.125", "0.01"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e300])
def test_a_loss_that_is_not_finite_is_shown(loss):
    html = page(epochs=[*EPOCHS, {**EPOCHS[0], "epoch": 4, "val_loss": loss}])
    row = next(row for row in Page(html).rows if row[0] == "4")
    assert row[3] == f"{loss:.4f}"
    assert [len(line) for line in points(whole_drawings(html)[0])] == [4, 3]


def test_one_epoch_is_enough_for_a_report():
    html = page(epochs=EPOCHS[:1], results={"epochs": 1})
    assert "for 1 of 9 epochs" in Page(html).text
    # A line through one point would be invisible.
    assert [drawing.count("<circle") for drawing in whole_drawings(html)[:2]] == [2, 2]


def drawings(html):
    """Return the inline drawings, by the first word of their labels."""
    labels = re.findall(r'<svg role="img" aria-label="(\w+)([^"]*)".*?</svg>', html, re.DOTALL)
    whole = re.findall(r'<svg role="img".*?</svg>', html, re.DOTALL)
    return {word: (word + rest, svg) for (word, rest), svg in zip(labels, whole, strict=True)}


def points(svg):
    """Return the points of each curve of a drawing, scaled from pixels back to 0 to 1."""
    lines = re.findall(r'points="([^"]*)"', svg)
    pixels = [[list(map(float, p.split(","))) for p in line.split()] for line in lines]
    return [(np.array(line) - (52, 260)) / (260, -250) for line in pixels]


def test_the_roc_curves_agree_with_scikit_learn():
    test, scores = case(LABELS, PREDICTIONS)
    p = softmax(scores.astype(float), axis=1)
    text, svg = drawings(page())["ROC"]
    for i, drawn in enumerate(points(svg)):
        truth = roc_curve(test.labels == i, p[:, i], drop_intermediate=False)[:2]
        np.testing.assert_allclose(drawn, np.transpose(truth), atol=1e-3)
        assert f"{roc_auc_score(test.labels == i, p[:, i]):.4f}" in text


def test_the_precision_recall_curves_agree_with_scikit_learn():
    test, scores = case(LABELS, PREDICTIONS)
    p = softmax(scores.astype(float), axis=1)
    text, svg = drawings(page())["Precision"]
    for i, drawn in enumerate(points(svg)):
        precision, recall, _ = precision_recall_curve(test.labels == i, p[:, i])
        truth = np.transpose([recall, precision])[-2::-1]  # without its artificial last point
        np.testing.assert_allclose(drawn[: len(truth)], truth, atol=1e-3)
        assert f"{average_precision_score(test.labels == i, p[:, i]):.4f}" in text


def test_the_reliability_diagram_has_a_dot_per_bin():
    test, scores = case(LABELS, PREDICTIONS)
    bins = ClassifierEvaluation(scores, test.labels).reliability
    text, svg = drawings(page())["Reliability"]
    assert svg.count("<circle") == len(bins)
    truth = [[point["confidence"], point["accuracy"]] for point in bins]
    np.testing.assert_allclose(points(svg)[0], truth, atol=1e-3)
    assert f"confidence {bins[0]['confidence']:.2f}, accuracy {bins[0]['accuracy']:.2f}" in text


def test_long_curves_are_sampled_and_keep_their_ends():
    html = many_classes(50, 5000)
    _, svg = drawings(html)["ROC"]
    drawn = points(svg)
    assert len(drawn) == 10
    assert max(map(len, drawn)) <= 202
    for line in drawn:
        np.testing.assert_allclose(line[[0, -1]], [[0, 0], [1, 1]], atol=1e-9)
    assert "only the classes with the lowest ROC AUC are shown" in Page(html).text


def test_a_single_class_has_a_report():
    images, labels = np.zeros((3, 2, 2, 1), np.uint8), np.zeros(3, int)
    scores = np.zeros((3, 1), np.float32)
    evaluation = ClassifierEvaluation(scores, labels, classes=("one",))
    html = render(record(), Images(images, labels), evaluation, EPOCHS)
    assert list(drawings(html)) == ["Training", "Reliability", "Accuracy"]
    assert ["Cohen's kappa", "undefined", "0: chance level, 1: perfect"] in Page(html).rows


def test_a_later_evaluation_has_no_epochs_to_show():
    test, scores = case(LABELS, PREDICTIONS)
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    html = render(record(), test, evaluation, source="new <data>")
    text = Page(html).text
    assert "an evaluation of the trained run on the test set of new <data>" in text
    assert "for 3 of 9 epochs" in text
    assert "by epoch" not in html
    assert "epoch" not in [row[0] for row in Page(html).rows]


def test_the_page_has_colors_for_dark_mode_and_for_print():
    html = page()
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_accuracy_is_drawn_over_coverage():
    _, scores = case(LABELS, PREDICTIONS)
    confidence = softmax(scores.astype(float), axis=1).max(axis=1)
    correct = (np.equal(LABELS, PREDICTIONS))[np.argsort(-confidence)]
    accuracy = np.cumsum(correct) / np.arange(1, 11)
    text, svg = drawings(page())["Accuracy"]
    low = np.floor(10 * accuracy.min()) / 10
    (drawn,) = points(svg)
    np.testing.assert_allclose(drawn[:, 0], np.arange(1, 11) / 10, atol=1e-3)
    np.testing.assert_allclose(low + drawn[:, 1] * (1 - low), accuracy, atol=1e-3)
    assert "coverage 1.00, accuracy 0.6000" in text


def test_the_effects_of_a_temperature_and_of_rules_are_shown():
    test, scores = case(LABELS, PREDICTIONS)
    costs = Costs((*CLASSES, "look"), np.array([[0, 1, 1, 0.5], [1, 0, 1, 0.5], [1, 1, 0, 0.5]]))
    after = ClassifierEvaluation(
        scores, test.labels, classes=CLASSES, temperature=2.0, costs=costs, below=0.5
    )
    before = after.uncalibrated
    made = record() | {"calibration": {"temperature": 2.0, "before": {"count": 77}}}
    html = render(made, test, after, source="data")
    rows, text = Page(html).rows, Page(html).text
    assert ["log loss", f"{before.loss:.4f}", f"{after.loss:.4f}"] in rows
    assert "by a temperature of 2.0000" in text
    assert "on 77 validation examples" in text
    for rule in after.rules:
        cost = "undefined" if rule["cost"] is None else f"{rule['cost']:.4f}"
        assert [rule["rule"], f"{rule['coverage']:.4f}", f"{rule['accuracy']:.4f}", cost] in rows
    assert len(after.rules) == 3


def test_the_page_begins_with_what_follows_from_the_run():
    html = page(results={"baselines": [BASELINE]})
    text = Page(html).text
    first = text.index("60.0 % of the 10 test images are classified correctly (95 % interval: ")
    assert first < text.index("Trained with torch")
    assert "no better than always predicting the most frequent class, shirt, which would be" in text
    assert "the best baseline, other, is about as good with 30.0 %" in text
    assert "Test on more images: with 10, the accuracy on new ones may be anything from " in text


def test_the_facts_of_a_training_are_shown():
    command = "hardmax train 'a & b' --label '<x>'"
    more = {"started": "2026-11-30T01:02:03+01:00", "seconds": 7260.0, "command": command}
    test, scores = case(LABELS, PREDICTIONS)
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    made = record(
        results={"members": [{"validation_accuracy": 0.5}] * 3},
        data={"class_counts": {"train": [50, 40, 30], "test": [4, 3, 3]}},
    )
    html = render(made | more, test, evaluation, EPOCHS, weights=1234567)
    shown = Page(html)
    assert ["started", "2026-11-30T01:02:03+01:00"] in shown.rows
    assert ["duration of training", "2 h 1 min"] in shown.rows
    assert ["weights", "1,234,567 in 3 networks"] in shown.rows
    assert command in shown.text
    start = next(i for i, row in enumerate(shown.rows) if row[0] == "class")
    assert shown.rows[start][-2:] == ["training examples", "test examples"]
    counts = [row[-2:] for row in shown.rows[start + 1 : start + 4]]
    assert counts == [["50", "4"], ["40", "3"], ["30", "3"]]


def test_misclassified_files_are_links(tmp_path):
    test, scores = case(LABELS, PREDICTIONS)
    names = np.array([f"{i} <b>.png" for i in range(10)], object)
    test = replace(test, names=names)
    for name in names[:4]:
        (tmp_path / name).write_bytes(b"")
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    links = Links(str(tmp_path / "run"), "/none", str(tmp_path))
    suspects = Suspects(
        "test", 10, "file", [Suspect("1 <b>.png", "a", 0.1, "b", 0.9)], test.images[1:2]
    )
    html = render(record(), test, evaluation, EPOCHS, suspects=[suspects], links=links)
    found = [tag["href"] for name, tag in Page(html).tags if name == "a" and "download" not in tag]
    wrong = [i for i in range(10) if LABELS[i] != PREDICTIONS[i]]
    assert sorted(found) == sorted(f"../{i}%20%3Cb%3E.png" for i in [1, *wrong] if i < 4)
    text = Page(html).text
    assert all(names[i] in text for i in wrong)


def test_the_cells_of_misclassified_rows_and_the_columns_are_shown(tmp_path):
    path = tmp_path / "t.csv"
    lines = [
        f"{i / 8},{'<i>' if i % 3 else ''}{i % 5},2024-01-{i % 28 + 1:02},"
        f"no {i} way {'ab'[i % 2]},{'xyz'[i % 3]}"
        for i in range(90)
    ]
    path.write_text("\n".join(["number,category,when,remark,label", *lines]) + "\n")
    reading = Reading(label="label", column_kinds=("category=category", "remark=text"), test=0.3)
    data = load(str(path), reading)
    predictions = (data.test.labels + (np.arange(len(data.test)) % 9 == 0)) % 3
    scores = 4.0 * np.eye(3)[predictions]
    evaluation = ClassifierEvaluation(scores, data.test.labels, classes=data.classes)
    made = record(data={"preprocessing": {"left_out": {"id": "identifier"}}})
    html = render(made, data.test, evaluation, EPOCHS, encoding=data.encoding)
    rows = Page(html).rows
    start = next(i for i, row in enumerate(rows) if row[0] == "row of the table")
    assert rows[start][4:] == ["number", "category", "when", "remark"]
    wrong = np.flatnonzero(predictions != data.test.labels)
    shown = {row[0]: row[4:] for row in rows[start + 1 : start + 1 + len(wrong)]}
    for place in data.test.places[wrong]:
        number, category, when, remark, _ = lines[place].split(",")
        assert shown[str(place + 1)] == [f"{float(number):.6g}", category, when, remark]
    assert ["number", "number", "1", "scaled"] in rows
    assert ["id", "left out", "0", "identifier"] in rows
    category = next(row for row in rows if row[:2] == ["category", "category"])
    assert category[2] == str(len(data.encoding.columns[1].levels))
    assert category[3].startswith("one-hot: ")


def test_of_many_columns_the_most_important_have_their_cells_shown():
    count = 20
    names = [f"c{i}" for i in range(count)]
    codes = tuple(ColumnCode(name, "number") for name in names)
    columns = tuple(ColumnValues(np.full(10, float(i))) for i in range(count))
    test = Vectors(np.zeros((10, count), np.float32), np.array(LABELS), columns=columns)
    _, scores = case(LABELS, PREDICTIONS)
    evaluation = ClassifierEvaluation(scores, test.labels, classes=CLASSES)
    importances = [Importance(name, 0.1, 0, 0.1, 0) for name in reversed(names)]
    explanation = replace(EXPLANATION, importances=importances)
    html = render(
        record(), test, evaluation, EPOCHS, encoding=Encoding(codes), explanation=explanation
    )
    rows = Page(html).rows
    start = next(i for i, row in enumerate(rows) if row[0] == "row of the table")
    assert rows[start][4:] == names[:7:-1]
    assert rows[start + 1][4:] == [str(i) for i in range(19, 7, -1)]
    assert "The cells are those of 12 columns, the most important ones." in Page(html).text


def test_two_classes_have_a_table_of_thresholds():
    labels, scores = np.array([0, 0, 1, 1]), np.array([[0, -1], [0, 1], [0, 2], [0, -0.5]])
    rows = Vectors(np.zeros((4, 1), np.float32), labels)
    evaluation = ClassifierEvaluation(scores, labels, classes=("no", "<yes>"))
    shown = Page(render(record(), rows, evaluation, EPOCHS))
    assert "With <yes> as the positive class" in shown.text
    assert ["0.50", "0.5000", "0.5000", "0.5000", "0.5000", "0.5000"] in shown.rows
    assert ["0.95", "undefined", "0.0000", "0.0000", "0.0000", "0.0000"] in shown.rows
    assert "positive class" not in Page(page()).text
