"""The command line of a training, pasted into a shell, trains with the same settings."""

import os
import runpy
import shlex
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hardmax.cli.main import app
from hardmax.runs.command import command_line
from hardmax.runs.settings import Settings

#: A value other than the default for every setting that can be combined with the others.
VALUES = runpy.run_path(str(Path(__file__).with_name("test_settings.py")))["VALUES"]

#: Settings that cannot be combined with all others.
OTHERS = {
    "widths": {"model": "small-resnet", "widths": (16, 32)},
    "folds": {"folds": 3},
    "minutes": {"minutes": 2.5},
    "bins": {"model": "realmlp", "bins": 12},
    "finetune": {"pretrained": "efficientnet-lite0", "finetune": True},
    "class_weights": {"class_weights": "balanced"},
    "time": {"time": "when", "validation": 0.1},
    "header": {"header": False},
    "missing": {"missing": ("-9", "?")},
    "files": {"files": "path; rm -rf ~", "label": "it's $HOME"},
    "weight": {"weight": "--w"},
    "repeated": {"drop": ("a b", "--c"), "keep": ("'",), "column_kinds": ("x y=text",)},
}
EACH = {name: {name: value} for name, (_, value) in VALUES.items() if value not in (None, False)}
EACH["momentum"] = {"momentum": 0.5}
ALL = {name: value for name, (_, value) in VALUES.items() if value is not None}


@pytest.mark.parametrize("values", [{}, ALL, *OTHERS.values(), *EACH.values()])
def test_the_command_line_gives_the_same_settings(received, values):
    settings = Settings(data="digits", **values)
    words = shlex.split(command_line(settings))
    assert words[:3] == ["hardmax", "train", "digits"]
    result = CliRunner().invoke(app, words[1:])
    assert str(result.exception) == "recorded", result.output
    ((found, *_), more) = received[0]
    assert found == settings
    assert found.unset == settings.unset
    assert more["baselines"]


def test_a_shell_takes_it_apart_in_the_same_way():
    settings = Settings(data="digits", label='it\'s $HOME `x` "q" \\ *', drop=("a\tb",))
    command = command_line(settings, baselines=False)
    shown = subprocess.run(
        ["sh", "-c", f"hardmax() {{ printf '%s\\0' \"$@\"; }}; {command}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split("\0")[:-1] == [
        *("train", "digits", "--label", settings.label, "--drop", "a\tb", "--no-baselines"),
    ]


def test_only_what_was_chosen_is_named_and_paths_are_absolute():
    settings = Settings(data="folder", epochs=3, test="other.csv")
    here = shlex.quote(os.getcwd())
    assert command_line(settings) == (
        f"hardmax train {here}/folder --epochs 3 --test {here}/other.csv"
    )
    assert command_line(Settings(data="digits")) == "hardmax train digits"
