"""The one place where a framework is chosen by name: the command line's."""

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from hardmax.errors import ArgumentError, MissingFrameworkError

__all__ = ["FRAMEWORKS", "check", "load", "versions"]

#: The siblings, and the packages that each needs, which its extra installs.
FRAMEWORKS = {
    "torch": ("torch",),
    "jax": ("jax", "flax", "optax"),
    "tensorflow": ("tensorflow", "keras"),
    "mxnet": ("mxnet",),
}

#: How to install those that are not installed by their extra alone.
INSTALL = {"mxnet": "pip install 'hardmax[mxnet]' && pip install --no-deps mxnet==1.9.1"}


def check(name: str) -> None:
    """Raise ArgumentError for an unknown framework, MissingFrameworkError for one not here.

    Nothing is imported.
    """
    if name not in FRAMEWORKS:
        raise ArgumentError(f"unknown framework {name!r}; known are {', '.join(FRAMEWORKS)}")
    missing = [package for package in FRAMEWORKS[name] if not _is_installed(package)]
    if missing:
        install = INSTALL.get(name, f"pip install 'hardmax[{name}]'")
        raise MissingFrameworkError(
            f"framework {name!r} is not installed ({', '.join(missing)} not found); "
            f"install it with: {install}"
        )


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def load(name: str) -> ModuleType:
    """Return the sibling of that name. Raises what ``check`` raises."""
    check(name)
    try:
        with _hushed():
            return importlib.import_module(f"hardmax.{name}")
    except ImportError as error:
        raise MissingFrameworkError(
            f"framework {name!r} is installed but cannot be imported: {error}"
        ) from error


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep off stderr what libraries write there past Python, as TensorFlow does on its import."""
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def versions(name: str) -> dict[str, str]:
    """Return the versions of a framework's packages."""
    return {package: importlib.import_module(package).__version__ for package in FRAMEWORKS[name]}
