"""The exception hierarchy, with the built-in exceptions that users catch."""

import pytest

from hardmax import errors

TREE = {
    "ArgumentError": (errors.HardmaxError, ValueError),
    "DataError": (errors.HardmaxError, ValueError),
    "DownloadError": (errors.DataError,),
    "RunError": (errors.HardmaxError, ValueError),
    "ExportError": (errors.HardmaxError,),
    "MissingFrameworkError": (errors.HardmaxError, ImportError),
    "DivergenceError": (errors.HardmaxError, ArithmeticError),
}


@pytest.mark.parametrize(("name", "bases"), TREE.items())
def test_each_error_has_its_base_classes(name, bases):
    assert getattr(errors, name).__bases__ == bases


def test_the_tree_is_complete_and_matches_the_docstring():
    assert set(errors.__all__) == {"HardmaxError", *TREE}
    for name in errors.__all__:
        assert name in errors.__doc__
    for name in TREE:
        builtin = next((b.__name__ for b in TREE[name] if b.__module__ == "builtins"), None)
        line = next(line for line in errors.__doc__.splitlines() if f"── {name} " in line)
        assert builtin is None or f"(also a{'n' * (builtin[0] in 'AI')} {builtin})" in line


def test_a_long_message_keeps_its_start_and_its_end():
    message = str(errors.DataError(f"no column {'x' * 10_000}; name one of the others"))
    assert len(message) <= 1000
    assert message.startswith("no column xxx")
    assert message.endswith("xxx; name one of the others")
