"""The help of the command line, and errors that say how a command is called."""

import pytest
from support import refused

from hardmax.cli.main import app

COMMANDS = [command.callback.__name__ for command in app.registered_commands]


def test_without_a_command_the_help_is_printed(hardmax):
    alone, short, long = (hardmax(*arguments) for arguments in [(), ("-h",), ("--help",)])
    assert (alone.returncode, short.returncode, long.returncode) == (0, 0, 0)
    assert alone.stdout == short.stdout == long.stdout
    assert alone.stderr == short.stderr == ""
    assert [name for name in COMMANDS if f"\n  {name} " not in alone.stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help(hardmax, command):
    short, long = hardmax(command, "-h"), hardmax(command, "--help")
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout.startswith(f"Usage: hardmax {command} [OPTIONS]")
    assert short.stdout == long.stdout


def test_the_help_of_all_commands_is_known():
    assert len(COMMANDS) == 12


def test_compare_says_that_it_needs_a_second_run(hardmax):
    done = hardmax("compare", "runs/a b")
    refused(done, "a second run is needed", "hardmax compare 'runs/a b' OTHER_RUN")


def test_an_unknown_command_is_one_line(hardmax):
    refused(hardmax("tarin"), "No such command 'tarin'")
