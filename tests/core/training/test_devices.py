"""Devices by name."""

import pytest

from hardmax.errors import ArgumentError
from hardmax.training.devices import choose_device

AVAILABLE = {"cuda:0": "first", "cuda:1": "second", "cpu": "host"}


@pytest.mark.parametrize(
    ("name", "device"),
    [("auto", "first"), ("cuda", "first"), ("cuda:1", "second"), ("cpu", "host")],
)
def test_a_name_is_a_device(name, device):
    assert choose_device(name, AVAILABLE) == device


def test_auto_is_the_cpu_where_there_is_nothing_else():
    assert choose_device("auto", {"cpu": "host"}) == "host"


@pytest.mark.parametrize("name", ["cuda:2", "mps", "", "CPU"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(ArgumentError, match=r"choose auto or one of cuda:0, cuda:1, cpu"):
        choose_device(name, AVAILABLE)
