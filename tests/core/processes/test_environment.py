"""Where a process stands among those of a training."""

import pytest

from hardmax.errors import ArgumentError
from hardmax.processes.environment import Place, place

SET = {"RANK": "2", "WORLD_SIZE": "3", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}


@pytest.fixture
def environment(monkeypatch):
    def set_to(**variables):
        for name in (*SET, "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_to


def test_a_process_is_alone_by_default(environment):
    for variables in ({}, {"RANK": "4"}, {**SET, "WORLD_SIZE": "1", "RANK": "0"}):
        environment(**variables)
        assert place() == Place(), variables
    assert place().is_first


def test_the_place_is_what_torchrun_sets(environment):
    environment(**SET, LOCAL_RANK="1", LOCAL_WORLD_SIZE="2")
    assert place() == Place(2, 3, 1, 2, "node1", 29501)
    assert str(place()) == "process 2 of 3"
    assert not place().is_first


@pytest.mark.parametrize("name", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_an_incomplete_environment_is_refused(environment, name):
    environment(**{key: value for key, value in SET.items() if key != name})
    with pytest.raises(ArgumentError, match=f"but {name} is not set; start them with torchrun"):
        place()


@pytest.mark.parametrize(
    ("name", "value"),
    [("RANK", "3"), ("RANK", "-1"), ("WORLD_SIZE", "two"), ("MASTER_PORT", "65535")],
)
def test_impossible_values_are_refused(environment, name, value):
    environment(**{**SET, name: value})
    with pytest.raises(ArgumentError, match=f"{name} must be a whole number from .* got '{value}'"):
        place()


def test_processes_of_one_machine_need_not_know_its_name(environment):
    environment(**{**SET, "LOCAL_WORLD_SIZE": SET["WORLD_SIZE"]})
    assert place().address == "127.0.0.1"
