"""Classes that remember the arguments they were made with."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["HyperParameters", "add_to_class"]


def add_to_class(cls: type) -> Callable[[Any], Any]:
    """Return a decorator that registers a function, under its own name, as a method of ``cls``.

    Objects made before take the method too, because Python looks methods up when called.
    """

    def register(function: Any) -> Any:
        setattr(cls, function.__name__, function)
        return function

    return register


class HyperParameters:
    """Base of everything whose ``__init__`` arguments are its settings."""

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: Iterable[str] = ()) -> None:
        """Keep the calling function's arguments as attributes and in ``self.hparams``.

        Called from the ``__init__`` of a class and again from that of a subclass, it gathers
        the arguments of both. Names in ``ignore``, and names that start with an underscore,
        are left out.
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
        kept = {
            name: value
            for name, value in arguments.items()
            if name not in skipped and not name.startswith("_")
        }
        self.hparams = {**getattr(self, "hparams", {}), **kept}
        for name, value in kept.items():
            setattr(self, name, value)
