"""``hardmax data`` on tables."""

import json

import pytest
from typer.testing import CliRunner

from hardmax.cli.main import app


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,y\n" + "1,None\n-9,u\n3,v\n" * 4)
    return str(path)


def run(*arguments):
    return CliRunner().invoke(app, ["data", *arguments])


def test_missing_cells_are_those_of_training(table):
    found = json.loads(run(table, "--label", "y", "--json").stdout)
    assert found["classes"] == {"None": 4, "u": 4, "v": 4}
    assert (found["columns"]["a"]["missing"], found["columns"]["a"]["lowest"]) == (0, -9)
    options = ("--missing", "-9,unknown", "--label-missing", "None")
    found = json.loads(run(table, "--label", "y", *options, "--json").stdout)
    assert (found["classes"], found["unlabeled"]) == ({"u": 4, "v": 4}, 4)
    assert (found["columns"]["a"]["missing"], found["columns"]["a"]["lowest"]) == (4, 1)


def test_kinds_can_be_given(table):
    found = json.loads(run(table, "--label", "y", "--as", "a=category", "--json").stdout)
    assert found["columns"]["a"]["kind"] == "category"
    assert "a       category" in run(table, "--label", "y", "--as", "a=category").stdout


@pytest.mark.parametrize("option", ["--label", "--missing", "--label-missing", "--as"])
def test_options_for_tables_are_refused_for_images(option):
    error = run("digits", option, "y=date").exception
    assert "digits is not a table; " in str(error)
