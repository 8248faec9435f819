"""Options as dataclass fields: the one place where an option's help, choices and bounds stand.

The command line's options, the estimator's parameters, the reference page and the checks of values
are all made from these fields.
"""

import dataclasses
import numbers
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from hardmax.checks import Bounds, check_choice
from hardmax.errors import ArgumentError

__all__ = [
    "FRACTIONS",
    "Option",
    "allowed_values",
    "check_options",
    "fill",
    "flag",
    "help_of",
    "model_option",
    "option",
    "options_of",
]

#: The key of the Option in the metadata of a field.
KEY = "option"


#: The numbers between 0 and 1.
FRACTIONS = Bounds(above=0, below=1)


@dataclass(frozen=True)
class Option:
    """What is said of an option, and which values it allows.

    ``help`` is one or two sentences; ``unset`` says what None stands for. ``choices`` are the only
    values, if there are any; ``bounds`` hold for numbers, and for each number of a tuple. ``parse``
    turns the text of a command line into a value, ``metavar`` names that text. ``flag`` is the name
    on the command line if it is not that of the field; with ``repeated`` it can be given repeatedly
    and the value is a tuple of the texts. ``usual`` is the value that ``fill`` gives an option that
    is not set, unless something else names another. ``of_tables`` is whether an option applies only
    to tables.
    """

    help: str
    unset: str = ""
    choices: tuple[object, ...] = ()
    bounds: Bounds | None = None
    parse: Callable[[str], object] | None = None
    metavar: str | None = None
    flag: str = ""
    repeated: bool = False
    of_tables: bool = False
    usual: object = None


def option(default: Any, help: str, **more: Any) -> Any:
    """Return a dataclass field with an Option; ``more`` are further fields of the Option.

    With the default ``dataclasses.MISSING`` a value is required.
    """
    return dataclasses.field(default=default, metadata={KEY: Option(help, **more)})


def options_of(cls: type) -> dict[str, tuple[dataclasses.Field[Any], Option]]:
    """Return the options of a dataclass by name, its own before those of its base classes."""
    fields = {field.name: field for field in dataclasses.fields(cls) if KEY in field.metadata}
    names = [name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})]
    return {
        name: (fields[name], fields[name].metadata[KEY])
        for name in dict.fromkeys(names)
        if name in fields
    }


def flag(name: str, option: Option) -> str:
    """Return the name of an option on the command line, such as ``--batch-size``."""
    return "--" + (option.flag or name.replace("_", "-"))


def allowed_values(kind: Any, option: Option) -> str:
    """Return in words which values an option of a type allows, None aside."""
    if option.choices:
        return f"one of {', '.join(map(str, option.choices))}"
    return " or ".join(_words(one, option.bounds) for one in _kinds(kind) if one is not NoneType)


def help_of(options: Mapping[str, tuple[dataclasses.Field[Any], Option]]) -> str:
    """Return the lines of a docstring that say what the options of ``options_of`` are."""
    return "".join(
        f"        {name}: {allowed_values(field.type, option)}.\n            {option.help}\n"
        for name, (field, option) in options.items()
    )


def model_option(usual: Any, help: str, **more: Any) -> Any:
    """Return a field for an option whose default may depend on the model; see ``fill``."""
    return option(None, help, unset=f"{usual}, unless the model has another", usual=usual, **more)


def fill(instance: Any, defaults: Mapping[str, object]) -> None:
    """Give the options of a dataclass instance that are None their value in ``defaults``.

    Those that are not in it get their usual value.
    """
    for name, (_, option) in options_of(type(instance)).items():
        if getattr(instance, name) is None:
            object.__setattr__(instance, name, defaults.get(name, option.usual))


def check_options(instance: Any) -> None:
    """Check all options of a frozen dataclass instance, and convert NumPy's numbers to Python's.

    Raises ArgumentError for a value of another type, not among its choices or out of its bounds.
    """
    for name, (field, option) in options_of(type(instance)).items():
        value = _checked(name, getattr(instance, name), field.type, option)
        object.__setattr__(instance, name, value)


def _checked(name: str, value: object, kind: Any, option: Option) -> object:
    words = name.replace("_", " ")
    for one in _kinds(kind):
        try:
            converted = _converted(value, one)
        except TypeError:
            continue
        if _is_allowed(converted, option):
            return converted
    if option.choices and isinstance(value, str):
        check_choice(words, value, option.choices)
    raise ArgumentError(f"{words} must be {allowed_values(kind, option)}, got {value!r}")


def _kinds(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _is_allowed(value: object, option: Option) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if option.choices:
        return value in option.choices
    numbers = value if isinstance(value, tuple) else (value,)
    return option.bounds is None or all(
        isinstance(number, str) or number in option.bounds for number in numbers
    )


def _converted(value: Any, kind: Any) -> object:
    """Return a value as ``kind``. Raises TypeError for a value that is not of that kind."""
    import numpy as np

    is_bool = isinstance(value, bool | np.bool_)
    if kind is bool and is_bool:
        return bool(value)
    if kind is int and not is_bool:
        return operator.index(value)
    if kind is float and isinstance(value, numbers.Real) and not is_bool:
        return float(value)
    if kind in (str, NoneType) and isinstance(value, kind):
        return value
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        item, *rest = get_args(kind)
        if rest == [...] or len(value) == 1 + len(rest):
            return tuple(_converted(entry, item) for entry in value)
    raise TypeError(f"{value!r} is not {kind}")


def _words(kind: Any, bounds: Bounds | None) -> str:
    limits = "" if bounds is None else f" {bounds}"
    if get_origin(kind) is tuple:
        count = "" if ... in get_args(kind) else f"{len(get_args(kind))} "
        items = "texts" if str in get_args(kind) else "integers"
        return f"{count}{items}{limits}"
    words = {bool: "True or False", int: "an integer", float: "a number", str: "text"}[kind]
    return words + limits * (kind in (int, float))
