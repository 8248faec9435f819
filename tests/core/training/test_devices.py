"""Choosing a device by name."""

import pytest

from hardmax.errors import ArgumentError
from hardmax.training.devices import choose_device

AVAILABLE = {"cuda:0": "first", "cuda:1": "second", "cpu": "host"}


@pytest.mark.parametrize(
    ("name", "device"),
    [("auto", "first"), ("cuda", "first"), ("cuda:1", "second"), ("cpu", "host")],
)
def test_each_name_selects_its_device(name, device):
    assert choose_device(name, AVAILABLE) == device


def test_auto_is_the_cpu_if_there_is_nothing_else():
    assert choose_device("auto", {"cpu": "host"}) == "host"


@pytest.mark.parametrize("name", ["cuda:2", "mps", "", "CPU"])
def test_an_unavailable_device_is_refused_and_the_available_ones_are_listed(name):
    with pytest.raises(ArgumentError, match=r"choose auto or one of cuda:0, cuda:1, cpu"):
        choose_device(name, AVAILABLE)
