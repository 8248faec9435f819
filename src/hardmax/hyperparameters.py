"""Classes that store their constructor arguments."""

import inspect
from collections.abc import Callable, Iterable
from typing import TypeVar

from hardmax.checks import shortened

__all__ = ["Described", "HyperParameters", "add_to_class"]

Method = TypeVar("Method", bound=Callable[..., object])


def add_to_class(cls: type) -> Callable[[Method], Method]:
    """Return a decorator that adds a function to ``cls`` as a method of the same name.

    Existing instances get the method too, because Python looks methods up when they are called.
    """

    def register(function: Method) -> Method:
        setattr(cls, function.__name__, function)
        return function

    return register


class HyperParameters:
    """Base class of everything whose ``__init__`` arguments are its settings."""

    hparams: dict[str, object]

    def save_hyperparameters(self, ignore: Iterable[str] = ()) -> None:
        """Save the calling function's arguments as attributes and in ``self.hparams``.

        If it is called from the ``__init__`` of a class and again from a subclass, it collects
        the arguments of both. Names in ``ignore`` and names that start with an underscore are
        skipped.
        """
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        assert caller is not None
        names, varargs, keywords, values = inspect.getargvalues(caller)
        arguments = {name: values[name] for name in names[1:]}
        if varargs is not None:
            arguments[varargs] = values[varargs]
        if keywords is not None:
            arguments.update(values[keywords])
        skipped = {ignore} if isinstance(ignore, str) else set(ignore)
        saved = {
            name: value
            for name, value in arguments.items()
            if name not in skipped and not name.startswith("_")
        }
        self.hparams = {**getattr(self, "hparams", {}), **saved}
        for name, value in saved.items():
            setattr(self, name, value)


class Described(HyperParameters):
    """HyperParameters that are shown on one line: the class, and the arguments without defaults."""

    def __repr__(self) -> str:
        defaults = self._defaults()
        arguments = {
            name: value
            for name, value in getattr(self, "hparams", {}).items()
            if not _is_default(value, defaults.get(name))
        }
        # The value of an array may have several lines.
        shown = (f"{n}={shortened(' '.join(repr(v).split()))}" for n, v in arguments.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _defaults(self) -> dict[str, object]:
        """Return the defaults of the arguments of the class and its base classes."""
        return {
            parameter.name: parameter.default
            for cls in reversed(type(self).__mro__)
            if "__init__" in vars(cls)
            for parameter in inspect.signature(cls).parameters.values()
        }


def _is_default(value: object, default: object) -> bool:
    """Return whether a value is a default; arrays, which compare by element, are none."""
    plain = (bool, int, float, str, tuple, list)
    return value is default or (isinstance(value, plain) and value == default)
