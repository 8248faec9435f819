"""The parity report and its marks."""

import numpy as np
import pytest
from reported import network_of, pair

from hardmax.errors import ArgumentError
from hardmax.parity.drawing import differences_drawing
from hardmax.parity.report import COLUMNS, LIMITS, render, run_parity
from hardmax.parity.report import _above_limit as above_limit


@pytest.mark.parametrize(
    ("precision", "relative", "dropout", "kinds"),
    [
        ("float32", {"initial_scores": 1e-5, "gradients": 1e-4, "final_scores": 1}, False, []),
        ("float32", dict.fromkeys(LIMITS["float32"], 1.1e-4), False, [*LIMITS["float32"]]),
        ("float32", dict.fromkeys(COLUMNS, float("inf")), True, ["initial_scores"]),
        ("bfloat16", {"first_loss": 2**-8, "gradients": 1}, False, []),
        ("bfloat16", {"first_loss": 0.004, "initial_scores": 1.1e-5}, True, ["initial_scores"]),
        ("bfloat16", {"first_loss": 0.004}, False, ["first_loss"]),
    ],
)
def test_differences_above_the_limit_are_marked(precision, relative, dropout, kinds):
    assert above_limit(pair(**relative), LIMITS[precision], dropout) == kinds


@pytest.mark.parametrize(("dropout", "precision"), [(False, "float32"), (True, "bfloat16")])
def test_the_page_shows_marks_and_mentions_dropout(dropout, precision):
    compared = pair(gradients=0.125) | {"above_limit": [] if dropout else ["gradients"]}
    network = network_of([compared], dropout=dropout)
    limits = LIMITS[precision]
    page = render({"precision": precision, "limits": limits, "networks": [network]})
    assert f"trained in {precision} for 1" in page
    assert ("4e-03 (first loss)" in page) == ("has 8 bits" in page) == (precision == "bfloat16")
    assert ("1.2e-01 !" in page) != dropout
    assert ("It has dropout" in page) == dropout
    for text in ("a&lt;b", "&lt;jax&gt;", "1,234 weights", "2 of 4", "3 of 4", "torch 9.9", "f00"):
        assert text in page
    assert "<th>init</th>" not in page
    assert "torch and &lt;jax&gt;: initial scores 1.0e-08" in page
    assert 'download="relative-differences-of-mlp.csv"' in page


def test_the_differences_are_drawn_on_a_logarithmic_scale():
    values = [1e-8, 3e-6, 0.0, float("inf"), 1e-3, 0.02]
    network = {"model": "mlp", "pairs": [pair(**dict(zip(COLUMNS, values, strict=True)))]}
    drawing = differences_drawing(network, COLUMNS, LIMITS["float32"])
    one, limit = drawing.curves
    assert (one.name, limit.name) == ("torch and <jax>", "limit of rounding")
    # From 1e-8 to 0.1; what is 0 or infinite is at the edge.
    assert drawing.up == (-8, -1)
    exponents = [-8, np.log10(3e-6), -8, -1, -3, np.log10(0.02)]
    assert heights(one) == pytest.approx([(x + 8) / 7 for x in exponents], abs=1e-3)
    assert heights(limit) == pytest.approx([3 / 7, 3 / 7, 4 / 7], abs=1e-3)
    assert one.numbers == tuple(zip(COLUMNS, values, strict=True))
    labels = [float(label) for _, label in drawing.rows]
    assert labels == pytest.approx([10.0**x for x in range(-8, 0)])
    assert drawing.values == tuple(COLUMNS.values())


def test_equal_results_have_a_drawing():
    network = {"model": "mlp", "pairs": [pair(**dict.fromkeys(COLUMNS, 0.0))]}
    drawing = differences_drawing(network, COLUMNS, LIMITS["bfloat16"])
    assert heights(drawing.curves[0]) == [0] * len(COLUMNS)


def test_a_difference_that_is_not_a_number_is_drawn_as_the_largest():
    network = {"model": "mlp", "pairs": [pair(**dict.fromkeys(COLUMNS, float("nan")))]}
    drawing = differences_drawing(network, COLUMNS, LIMITS["float32"])
    assert heights(drawing.curves[0]) == [1] * len(COLUMNS)


def heights(curve):
    """Return where the points of a curve are, from 0 to 1."""
    return [(260 - float(point.split(",")[1])) / 250 for point in curve.points.split()]


@pytest.mark.parametrize(
    ("models", "frameworks", "words"),
    [
        ([], ["torch", "jax"], "models must be 1 or more different names"),
        (["mlp", "mlp"], ["torch", "jax"], "'mlp,mlp'"),
        (["mlp"], ["torch"], "frameworks must be 2 or more different names"),
    ],
)
def test_too_few_or_repeated_names_are_refused(refused, models, frameworks, words):
    with refused(ArgumentError, words):
        run_parity({"data": "digits"}, models=models, frameworks=frameworks)


def test_parity_is_at_one_precision(refused):
    networks = {"models": ["lenet"], "frameworks": ["torch", "jax"]}
    with refused(ArgumentError, "unknown precision 'auto'; choose one of float32, bfloat16"):
        run_parity({"data": "digits"}, **networks, precision="auto")
    networks["frameworks"].append("mxnet")
    with refused(ArgumentError, "framework mxnet trains in float32 only"):
        run_parity({"data": "digits"}, **networks, precision="bfloat16")
