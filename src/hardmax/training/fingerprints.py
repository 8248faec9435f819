"""What a piece of code does, as a key: where keys are equal, compiling again is a waste.

Two functions that the same lines made over equal values do the same, though Python calls them
different. A key looks at code, defaults and closures and, in the reader's own code, at the globals
that it names and the methods that its classes have now. Whatever it cannot look into counts as
itself alone. What a function counts or collects while it runs is no part of what it does.
"""

import dataclasses
import dis
import sysconfig
import types
from collections.abc import Hashable, Iterator
from functools import lru_cache, partial
from typing import Any

__all__ = ["fingerprint"]


#: Where Python's own modules are.
LIBRARY = sysconfig.get_path("stdlib")

#: Types of values that have nothing to look into: most of what is met.
PLAIN = frozenset({types.NoneType, bool, int, float, str, bytes})


class _Itself:
    """Stands for an object that equals only itself, and keeps it, so that its id stays its own."""

    def __init__(self, thing: Any):
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.thing is other.thing


def fingerprint(thing: Any, home: str) -> Hashable:
    """Return a key that is equal for things that do the same.

    The reader's own code is that of ``__main__`` and of the top-level package of the module
    ``home``.
    """
    return _Reader({"__main__", home.partition(".")[0]} - {"hardmax"}).key(thing)


class _Reader:
    """Reads a thing. Functions and classes are numbered as they are met, so that circles end."""

    def __init__(self, home: set[str]):
        self.home = home
        self.met: dict[int, int] = {}

    def key(self, thing: Any) -> Hashable:
        if type(thing) in PLAIN:
            return (type(thing), thing)
        match thing:
            case types.FunctionType() | type():
                return self.once(thing)
            case types.MethodType():
                return (self.key(thing.__func__), self.key(thing.__self__))
            case staticmethod() | classmethod():
                return self.key(thing.__func__)
            case property():
                return self.key(thing.fget)
            case partial():
                return (partial, self.key((thing.func, thing.args, thing.keywords)))
            case tuple() | list():
                return (type(thing), *map(self.key, thing))
            case dict():
                return (type(thing), *((name, self.key(value)) for name, value in thing.items()))
        if dataclasses.is_dataclass(thing):
            fields = (field.name for field in dataclasses.fields(thing) if field.compare)
            return (self.key(type(thing)), *(self.key(getattr(thing, name)) for name in fields))
        try:
            hash(thing)
        except TypeError:
            return _Itself(thing)
        return (type(thing), thing)

    def once(self, thing: Any) -> Hashable:
        if id(thing) in self.met:
            return ("met", self.met[id(thing)])
        self.met[id(thing)] = len(self.met)
        return self.cls(thing) if isinstance(thing, type) else self.function(thing)

    def function(self, function: types.FunctionType) -> Hashable:
        code = function.__code__
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        defaults = self.key((function.__defaults__, function.__kwdefaults__))
        if not self.is_own(function):
            contents = (_content(cell) for _, cell in cells)
            held = (c if isinstance(c, type) else self.key(c) for c in contents)
            return (code, defaults, tuple(held))
        around = {name: _content(cell) for name, cell in cells}
        named = {n: v for n, v in function.__globals__.items() if n in globals_in(code)}
        for name, module in [*named.items()]:
            if isinstance(module, types.ModuleType) and not _is_installed(module):
                asked = attributes_in(code) & vars(module).keys()
                named |= {f"{name}.{attribute}": vars(module)[attribute] for attribute in asked}
        return (code, defaults, self.surroundings(around | named, rebound_in(code)))

    def cls(self, cls: type) -> Hashable:
        if not self.is_own(cls) and cls.__module__.partition(".")[0] != "hardmax":
            return cls
        members = {n: v for n, v in vars(cls).items() if n not in ("__dict__", "__weakref__")}
        functions = [value for value in members.values() if isinstance(value, types.FunctionType)]
        stored = frozenset().union(
            *(set_in(inner.__code__) for f in functions for inner in unwrapped(f))
        )
        bases = tuple(self.key(base) for base in cls.__bases__)
        return (cls, bases, self.surroundings(members, stored))

    def surroundings(self, values: dict[str, Any], stored: frozenset[str]) -> Hashable:
        """Return the key of named values but those that the code itself sets or collects into."""
        return tuple(
            (name, _Itself(value) if isinstance(value, list | dict | set) else self.key(value))
            for name, value in sorted(values.items())
            if name not in stored
        )

    def is_own(self, thing: Any) -> bool:
        return str(thing.__module__).partition(".")[0] in self.home


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def unwrapped(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """Yield a function and those that it wraps."""
    yield function
    wrapped = getattr(function, "__wrapped__", None)
    if isinstance(wrapped, types.FunctionType):
        yield from unwrapped(wrapped)


def _is_installed(module: types.ModuleType) -> bool:
    """Tell a module of Python's or of an installed package from one that is being worked on."""
    file = getattr(module, "__file__", None)
    return file is None or "site-packages" in file or file.startswith(LIBRARY)


def globals_in(code: types.CodeType) -> frozenset[str]:
    """Return the names that a code object looks up as globals."""
    return _named_by(code, ("LOAD_GLOBAL", "LOAD_NAME"))


def attributes_in(code: types.CodeType) -> frozenset[str]:
    """Return the names of attributes that a code object asks for."""
    return _named_by(code, ("LOAD_ATTR", "LOAD_METHOD"))


def rebound_in(code: types.CodeType) -> frozenset[str]:
    """Return the names of globals and outer variables that a code object sets."""
    return _named_by(code, ("STORE_GLOBAL", "STORE_DEREF"))


def set_in(code: types.CodeType) -> frozenset[str]:
    """Return the names of attributes that a code object sets."""
    return _named_by(code, ("STORE_ATTR",))


@lru_cache(maxsize=16384)
def _named_by(code: types.CodeType, steps: tuple[str, ...]) -> frozenset[str]:
    """Return what the given kinds of bytecode name, in a code object and those within it."""
    own = {step.argval for step in dis.get_instructions(code) if step.opname in steps}
    inner = (_named_by(c, steps) for c in code.co_consts if isinstance(c, types.CodeType))
    return frozenset(own).union(*inner)
