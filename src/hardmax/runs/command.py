"""The command line that repeats a training, as it can be pasted into a shell."""

import os
import shlex
from collections.abc import Iterator
from typing import Any

from hardmax.data import load
from hardmax.fields import flag, options_of
from hardmax.networks.pretrained import PACKAGES
from hardmax.runs.settings import Settings

__all__ = ["absolute", "absolute_paths", "command_line"]

#: The settings that may be paths.
PATHS = ("test", "pretrained", "from_run")


def absolute(source: str) -> str:
    """Return a path made absolute, and the name of a data set or network unchanged."""
    is_name = source in load.NAMED or source in PACKAGES
    return source if is_name else os.path.abspath(source)


def absolute_paths(settings: Settings) -> dict[str, Any]:
    """Return the settings that may be paths, by name, made absolute."""
    values = {name: getattr(settings, name) for name in ("data", *PATHS)}
    return {
        name: absolute(value) if isinstance(value, str) else value for name, value in values.items()
    }


def command_line(settings: Settings, *, baselines: bool = True) -> str:
    """Return the command that trains with ``settings``, which nothing has been chosen for yet.

    Paths are absolute, so that it can be run in any folder. It names no folder to write.
    """
    words = ["hardmax", "train", absolute(settings.data), *_options(settings)]
    return shlex.join(words if baselines else [*words, "--no-baselines"])


def _options(settings: Settings) -> Iterator[str]:
    """Yield the options of the settings that are not as they are by default."""
    for name, (field, option) in options_of(Settings).items():
        value = getattr(settings, name)
        if name == "data" or name in settings.unset or value == field.default:
            continue
        words = flag(name, option)
        if isinstance(value, bool):
            yield words if value else f"--no-{words[2:]}"
        else:
            for text in _texts(name, value, option.repeated):
                # Otherwise a text such as -9 would be taken for an option.
                yield from [f"{words}={text}"] if text.startswith("-") else [words, text]


def _texts(name: str, value: object, repeated: bool) -> list[str]:
    """Return a value as it is written on a command line; several if the option is repeated."""
    if isinstance(value, tuple):
        texts = [*map(str, value)]
        return texts if repeated else [("x" if name == "size" else ",").join(texts)]
    return [absolute(value) if name in PATHS and isinstance(value, str) else str(value)]
