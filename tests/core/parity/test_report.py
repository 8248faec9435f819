"""The page of a certificate, and what of it is marked."""

import pytest

from hardmax.errors import ArgumentError
from hardmax.parity.report import COLUMNS, NORMAL, certify, render
from hardmax.parity.report import _beyond as beyond


def pair(**relative):
    kinds = {kind: {"relative": relative.get(kind, 1e-8), "array": "1.weight"} for kind in COLUMNS}
    labels = {"train_loss": 2e-7, "test_loss": 3e-7, "test_accuracy": 0.25}
    counts = {"same_labels": 3, "count": 4, "other_labels": [2]}
    return {"frameworks": ["torch", "<jax>"], **kinds, **labels, **counts}


@pytest.mark.parametrize(
    ("relative", "dropout", "found"),
    [
        ({"starting_scores": 1e-5, "gradients": 1e-4, "final_scores": 1}, False, []),
        ({"starting_scores": 1.1e-5, "gradients": 1.1e-4}, False, [*NORMAL]),
        ({"starting_scores": float("inf"), "gradients": 1}, True, ["starting_scores"]),
    ],
)
def test_what_is_more_than_normal_is_marked(relative, dropout, found):
    assert beyond(pair(**relative), dropout) == found


@pytest.mark.parametrize("dropout", [False, True])
def test_the_page_tells_of_marks_and_of_dropout(dropout):
    found = pair(gradients=0.125) | {"beyond": [] if dropout else ["gradients"]}
    record = {
        "asked": {"model": "mlp", "framework": "torch", "epochs": 1, "lr": 0.5, "start": None},
        "data": {"name": "a<b", "train": 8, "test": 4, "fingerprint": "f00"},
        "made_with": {"torch": "9.9"},
    }
    run = {
        "framework": "torch",
        "train_loss": 0.5,
        "test": {"loss": 0.75, "accuracy": 0.5, "correct": 2, "count": 4},
        "seconds_per_epoch": 1.5,
        "compile_seconds": 2.5,
        "peak_memory": 3 * 2**20,
        "record": record,
    }
    network = {"model": "mlp", "start": "normal", "weights": 1234, "dropout": dropout}
    network |= {"runs": [run], "pairs": [found]}
    page = render({"normal": NORMAL, "networks": [network]})
    assert ("1.2e-01 !" in page) != dropout
    assert ("It has dropout" in page) == dropout
    for told in ("a&lt;b", "&lt;jax&gt;", "1,234 weights", "2 of 4", "3 of 4", "torch 9.9", "f00"):
        assert told in page
    assert "<th>start</th>" not in page


@pytest.mark.parametrize(
    ("models", "chosen", "words"),
    [
        ([], ["torch", "jax"], "models must be 1 or more different names"),
        (["mlp", "mlp"], ["torch", "jax"], "'mlp,mlp'"),
        (["mlp"], ["torch"], "frameworks must be 2 or more different names"),
    ],
)
def test_names_must_be_enough_and_different(refused, models, chosen, words):
    with refused(ArgumentError, words):
        certify("digits", models, chosen, {})
