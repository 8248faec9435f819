"""The reference of the command line, made from the commands themselves."""

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from hardmax.cli.main import app

NAME = "reference/commands.md"

HEAD = """# Commands

Every command with its arguments and options, as `hardmax COMMAND --help` shows them.
[The command line](../command-line.md) explains how to use them, and [settings](../settings.md) has
the options of a training in a table.

"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, NAME, content=page()))
    return files


def page() -> str:
    """Return the page."""
    group = typer.main.get_command(app)
    settings = group.context_settings
    context = click.Context(group, info_name="hardmax", **settings)
    parts = [HEAD, section(context)]
    for name, command in group.commands.items():
        parts.append(section(click.Context(command, context, name, **settings)))
    return "\n".join(parts)


def section(context: click.Context) -> str:
    """Return the section of the command of a context."""
    command = context.command
    usage = command.get_usage(context).removeprefix("Usage:").split()
    lines = [
        f"## {context.command_path}\n",
        f"```\n{' '.join(usage)}\n```\n",
        f"{escaped(command.help)}\n",
    ]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            words, text = record
            lines.append(f"`{words}`\n:   {escaped(text)}\n")
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Return plain text as Markdown, in which names in backquotes stay code."""
    parts = text.split("`")
    parts[::2] = [
        part.replace("\\", "\\\\").replace("*", "\\*").replace("[", "\\[") for part in parts[::2]
    ]
    return "`".join(parts)
