"""Fixtures for the tests of trainings."""

import pytest

from hardmax.errors import RunError


@pytest.fixture
def received(monkeypatch):
    """What the commands pass on: settings of a training, or arguments of a parity report."""
    calls = []

    def record(*arguments, **named):
        calls.append((arguments, named))
        raise RunError("recorded")

    monkeypatch.setattr("hardmax.runs.train.train", record)
    monkeypatch.setattr("hardmax.parity.report.run_parity", record)
    return calls
