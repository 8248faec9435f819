"""Arguments that several commands share, and helpers to print."""

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.fields import flag, options_of
from hardmax.frameworks import FRAMEWORKS
from hardmax.runs.settings import Settings

__all__ = [
    "INTERRUPTED",
    "OPTIONS",
    "AbstainBelow",
    "CostsFile",
    "Data",
    "Framework",
    "Json",
    "RunFolder",
    "notice",
    "print_json",
    "with_options",
    "with_settings",
]

#: The exit code of a command that was interrupted by Ctrl-C.
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
Framework = Annotated[
    str | None,
    typer.Option(
        help="Framework: torch, jax, tensorflow or mxnet.  [default: the one used for training]",
        autocompletion=lambda: [*FRAMEWORKS],
    ),
]

# Decision rules

CostsFile = Annotated[
    Path | None,
    typer.Option(
        "--costs",
        metavar="COSTS.csv",
        help="Decide by the least expected cost; the CSV has a row per true class and a column "
        "per decision.",
    ),
]
AbstainBelow = Annotated[
    float | None,
    typer.Option(metavar="P", help="Abstain if the highest class probability is below P."),
]

OPTIONS = options_of(Settings)


def _setting(name: str) -> Any:
    """Return the annotation of the argument of a command that is the option of a setting."""
    field, option = OPTIONS[name]
    choices = [*map(str, option.choices)]
    words = flag(name, option)
    info = typer.Option(
        f"{words}/--no-{words[2:]}" if field.type == bool | None else words,
        help=option.help + (f"  [default: {option.unset}]" if option.unset else ""),
        metavar=option.metavar or "|".join(choices) or None,
        autocompletion=lambda: choices,
    )
    text = list[str] if option.repeated else str
    return Annotated[text | None if option.parse or option.repeated else field.type, info]


Data = Annotated[str, typer.Argument(metavar="DATA", help=OPTIONS["data"][1].help)]


def with_settings(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return ``with_options`` for all settings of a training but those in ``left_out``."""
    return with_options([name for name in OPTIONS if name not in ("data", *left_out)])


def with_options(names: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command an option for each of some settings of a training.

    The command receives the values as a dict, its keyword-only argument ``settings``.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            settings = {name: _parsed(name, arguments.pop(name)) for name in names}
            command(settings=settings, **arguments)

        signature = inspect.signature(command)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            is_settings = parameter.name == "settings"
            parameters += map(_parameter, names) if is_settings else [parameter]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


def _parsed(name: str, value: Any) -> Any:
    """Return the value of a setting from its text or texts on the command line."""
    option = OPTIONS[name][1]
    if option.repeated:
        return tuple(value) if value else None
    return value if value is None or option.parse is None else option.parse(value)


def _parameter(name: str) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=OPTIONS[name][0].default,
        annotation=_setting(name),
    )


def notice(message: str) -> None:
    """Print a message on one line of stderr."""
    print(plain(f"hardmax: {message}"), file=sys.stderr)


def print_json(value: object) -> None:
    """Print a value as strict JSON, on one line of stdout."""
    from hardmax.runs.record import dumps

    print(dumps(value))
