"""JSON that is not a valid network is refused."""

import pytest

from hardmax.errors import RunError
from hardmax.networks.descriptions import from_json


def nested(depth):
    layers = [{"layer": "Flatten"}]
    for _ in range(depth):
        layers = [{"layer": "Sequence", "layers": layers}]
    return layers


def test_depth_is_limited():
    from_json(nested(11))
    for depth in (12, 500):
        with pytest.raises(RunError, match="nested more than 12 deep"):
            from_json(nested(depth))


def test_the_number_of_layers_is_limited():
    flat = [{"layer": "Flatten"}]
    from_json(flat * 2000)
    halves = [{"layer": "Sequence", "layers": flat * 1000}] * 2
    for layers in (flat * 2001, halves):
        with pytest.raises(RunError, match="at most 2000"):
            from_json(layers)


@pytest.mark.parametrize(
    "layers",
    [
        None,
        {},
        "Flatten",
        [None],
        ["Flatten"],
        [{}],
        [{"layer": "Module"}],
        [{"layer": ["Flatten"]}],
        [{"layer": "Flatten", "max_depth": 99}],
        [{"layer": "Linear", "outputs": "3"}],
        [{"layer": "Linear", "outputs": 3, "bias": 1}],
        [{"layer": "Conv", "outputs": 3, "kernel": 0}],
        [{"layer": "Dropout", "rate": None}],
        [{"layer": "Concat", "branches": 3}],
        [{"layer": "Concat", "branches": [[]]}],
        [{"layer": "Residual", "body": "x"}],
        [{"layer": "Linear", "outputs": 3, "body": []}],
    ],
)
def test_invalid_json_is_refused(layers):
    with pytest.raises(RunError):
        from_json(layers)
