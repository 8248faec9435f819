"""Keys of what code does: code with an equal key does not need to be compiled again.

Two functions created by the same lines from equal values do the same, although Python considers
them different. A key covers code, defaults and closures and, in user code, the globals that it
refers to and the current methods of its classes. An object that cannot be inspected equals only
itself. Variables that a function counts or collects in while it runs are not part of its key.
"""

import dataclasses
import dis
import sysconfig
import types
from collections.abc import Hashable, Iterator
from functools import lru_cache, partial

__all__ = ["fingerprint"]


#: Path of the standard library.
LIBRARY = sysconfig.get_path("stdlib")

#: Types that need no inspection, checked first because most values have them.
PLAIN = frozenset({types.NoneType, bool, int, float, str, bytes})


class _Identity:
    """An object compared by identity; the reference keeps its id from being reused."""

    def __init__(self, value: object):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.value is other.value


def fingerprint(value: object, home: str) -> Hashable:
    """Return a key that is equal for functions, classes and values that do the same.

    User code is the code in ``__main__`` and in the top-level package of the module ``home``.
    """
    return _Inspector({"__main__", home.partition(".")[0]} - {"hardmax"}).key(value)


class _Inspector:
    """Computes keys. Functions and classes are numbered as they are visited, so cycles end."""

    def __init__(self, home: set[str]):
        self.home = home
        self.visited: dict[int, int] = {}

    def key(self, value: object) -> Hashable:
        if type(value) in PLAIN:
            return (type(value), value)
        match value:
            case types.FunctionType() | type():
                return self.once(value)
            case types.MethodType():
                return (self.key(value.__func__), self.key(value.__self__))
            case staticmethod() | classmethod():
                return self.key(value.__func__)
            case property():
                return self.key(value.fget)
            case partial():
                return (partial, self.key((value.func, value.args, value.keywords)))
            case tuple() | list():
                kinds = {*map(type, value)}
                if len(kinds) == 1 and kinds <= PLAIN:
                    return (type(value), *kinds, *value)
                return (type(value), *map(self.key, value))
            case dict():
                return (type(value), *((name, self.key(item)) for name, item in value.items()))
        if dataclasses.is_dataclass(value):
            fields = (field.name for field in dataclasses.fields(value) if field.compare)
            return (self.key(type(value)), *(self.key(getattr(value, name)) for name in fields))
        try:
            hash(value)
        except TypeError:
            return _Identity(value)
        return (type(value), value)

    def once(self, value: types.FunctionType | type) -> Hashable:
        if id(value) in self.visited:
            return ("visited", self.visited[id(value)])
        self.visited[id(value)] = len(self.visited)
        return self.cls(value) if isinstance(value, type) else self.function(value)

    def function(self, function: types.FunctionType) -> Hashable:
        code = function.__code__
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        defaults = self.key((function.__defaults__, function.__kwdefaults__))
        if not self.is_user_code(function):
            contents = (_content(cell) for _, cell in cells)
            closure = (c if isinstance(c, type) else self.key(c) for c in contents)
            return (code, defaults, tuple(closure))
        outer = {name: _content(cell) for name, cell in cells}
        used = {n: v for n, v in function.__globals__.items() if n in globals_in(code)}
        for name, module in [*used.items()]:
            if isinstance(module, types.ModuleType) and not _is_installed(module):
                attributes = attributes_in(code) & vars(module).keys()
                used |= {f"{name}.{attribute}": vars(module)[attribute] for attribute in attributes}
        return (code, defaults, self.variables(outer | used, rebound_in(code)))

    def cls(self, cls: type) -> Hashable:
        if not self.is_user_code(cls) and cls.__module__.partition(".")[0] != "hardmax":
            return cls
        members = {n: v for n, v in vars(cls).items() if n not in ("__dict__", "__weakref__")}
        functions = [value for value in members.values() if isinstance(value, types.FunctionType)]
        stored = frozenset().union(
            *(set_in(inner.__code__) for f in functions for inner in unwrapped(f))
        )
        bases = tuple(self.key(base) for base in cls.__bases__)
        return (cls, bases, self.variables(members, stored))

    def variables(self, values: dict[str, object], stored: frozenset[str]) -> Hashable:
        """Return the key of variables, except those that the code itself sets or collects in."""
        return tuple(
            (name, _Identity(value) if isinstance(value, list | dict | set) else self.key(value))
            for name, value in sorted(values.items())
            if name not in stored
        )

    def is_user_code(self, value: object) -> bool:
        return str(value.__module__).partition(".")[0] in self.home


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # the cell is empty
        return None


def unwrapped(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """Yield a function and all functions that it wraps."""
    yield function
    wrapped = getattr(function, "__wrapped__", None)
    if isinstance(wrapped, types.FunctionType):
        yield from unwrapped(wrapped)


def _is_installed(module: types.ModuleType) -> bool:
    """Return whether a module is Python's or an installed package's, not user code."""
    file = getattr(module, "__file__", None)
    return file is None or "site-packages" in file or file.startswith(LIBRARY)


def globals_in(code: types.CodeType) -> frozenset[str]:
    """Return the names that a code object looks up as globals."""
    return _names_in(code, ("LOAD_GLOBAL", "LOAD_NAME"))


def attributes_in(code: types.CodeType) -> frozenset[str]:
    """Return the names of attributes that a code object reads."""
    return _names_in(code, ("LOAD_ATTR", "LOAD_METHOD"))


def rebound_in(code: types.CodeType) -> frozenset[str]:
    """Return the names of globals and outer variables that a code object sets."""
    return _names_in(code, ("STORE_GLOBAL", "STORE_DEREF"))


def set_in(code: types.CodeType) -> frozenset[str]:
    """Return the names of attributes that a code object sets."""
    return _names_in(code, ("STORE_ATTR",))


@lru_cache(maxsize=16384)
def _names_in(code: types.CodeType, opnames: tuple[str, ...]) -> frozenset[str]:
    """Return the names that the given bytecodes use, in a code object and its nested ones."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in opnames}
    nested = (_names_in(c, opnames) for c in code.co_consts if isinstance(c, types.CodeType))
    return frozenset(names).union(*nested)
