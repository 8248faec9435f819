"""What the optimizer adamw-ntk does to each weight."""

from math import sqrt

import pytest

from hardmax.networks import catalog
from hardmax.networks.shapes import STATISTICS, weight_shapes
from hardmax.training.recipes import OPTIMIZERS, Recipe
from hardmax.training.updates import factors


def test_factors_of_realmlp_are_those_of_the_paper():
    network = catalog.make("realmlp", (5,), 3, hidden=(8,))
    assert factors(Recipe(optimizer="adamw-ntk"), network, (5,)) == {
        **{f"0.{kind}": 0.1 for kind in ("frequency", "phase", "weight", "bias")},
        "1.weight": 6.0,
        "2.weight": 1 / sqrt(20),
        "2.bias": 0.1,
        "3.weight": 0.1,
        "5.weight": 1 / sqrt(8),
        "5.bias": 0.1,
    }


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_trained_weight_has_a_factor(optimizer):
    shape = (64, 64, 3)
    network = catalog.make("resnet18", shape, 3)
    found = factors(Recipe(optimizer=optimizer), network, shape)
    names = weight_shapes(network, shape)
    assert found.keys() == {name for name in names if name.split(".")[-1] not in STATISTICS}
    assert found["0.weight"] == (1 / sqrt(3 * 49) if optimizer == "adamw-ntk" else 1)
    if optimizer != "adamw-ntk":
        assert {*found.values()} == {1.0}
