"""Loading a framework by name, for the command line."""

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from hardmax.checks import check_choice
from hardmax.errors import MissingFrameworkError

__all__ = ["FRAMEWORKS", "check", "load", "silenced", "versions"]

#: The backends, and the packages that each needs; its extra installs them.
FRAMEWORKS = {
    "torch": ("torch",),
    "jax": ("jax", "flax", "optax"),
    "tensorflow": ("tensorflow", "keras"),
    "mxnet": ("mxnet",),
}

#: How to install frameworks that need more than their extra.
INSTALL = {"mxnet": "pip install 'hardmax[mxnet]' && pip install --no-deps mxnet==1.9.1"}


def check(name: str) -> None:
    """Raise ArgumentError for an unknown framework, MissingFrameworkError if it is not installed.

    Nothing is imported.
    """
    check_choice("framework", name, FRAMEWORKS)
    missing = [package for package in FRAMEWORKS[name] if not _is_installed(package)]
    if missing:
        install = INSTALL.get(name, f"pip install 'hardmax[{name}]'")
        raise MissingFrameworkError(
            f"framework {name!r} is not installed ({', '.join(missing)} not found); "
            f"install it with: {install}"
        )


def _is_installed(package: str) -> bool:
    spec = importlib.util.find_spec(package)
    # A folder with the name of a framework, such as a clone, is a namespace package: no origin.
    return spec is not None and spec.origin is not None


def load(name: str) -> ModuleType:
    """Return the backend module of that name. Raises the same errors as ``check``."""
    check(name)
    try:
        with silenced():
            return importlib.import_module(f"hardmax.{name}")
    except ImportError as error:
        raise MissingFrameworkError(
            f"framework {name!r} is installed but cannot be imported: {error}"
        ) from error


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Silence what native code writes to stdout and stderr, as TensorFlow does on import."""
    with contextlib.ExitStack() as stack:
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            if stream is not None:
                stream.flush()
                stack.enter_context(_silenced(number))
        yield


@contextlib.contextmanager
def _silenced(number: int) -> Iterator[None]:
    """Silence what is written to a file descriptor."""
    kept, devnull = os.dup(number), os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, number)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)
        os.close(devnull)


def versions(name: str) -> dict[str, str]:
    """Return the versions of a framework's packages."""
    return {package: importlib.import_module(package).__version__ for package in FRAMEWORKS[name]}
