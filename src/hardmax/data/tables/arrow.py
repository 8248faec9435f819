"""pyarrow, which reads tables and casts cells; it is imported only for a table."""

from types import ModuleType

from hardmax.errors import DataError

__all__ = ["need_pyarrow"]


def need_pyarrow() -> ModuleType:
    """Return pyarrow. Raises DataError if it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise DataError(
            "tables require pyarrow, which is not installed; install it with: "
            "pip install 'hardmax[tables]'"
        ) from error
    module: ModuleType = pyarrow
    return module
