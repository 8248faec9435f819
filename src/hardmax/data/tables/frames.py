"""Data frames of pandas, polars and others as tables."""

from typing import TYPE_CHECKING, Any

from hardmax.data.tables.arrow import need_pyarrow
from hardmax.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["has_other_columns", "is_frame", "table_of"]


def _is_pandas(X: Any) -> bool:
    return hasattr(X, "iloc")


def is_frame(X: Any) -> bool:
    """Return whether X is a data frame of pandas, or can be read through Arrow's C interface.

    That is the PyCapsule interface, which polars and pyarrow, among others, implement.
    """
    return hasattr(X, "columns") and (_is_pandas(X) or hasattr(X, "__arrow_c_stream__"))


def has_other_columns(X: Any) -> bool:
    """Return whether X is a data frame with any column that is not plain numbers."""
    if not is_frame(X):
        return False
    if _is_pandas(X):
        return any(getattr(kind, "kind", "O") not in "iuf" for kind in X.dtypes)
    types = need_pyarrow().types
    kinds = table_of(X).schema.types
    return any(not (types.is_integer(kind) or types.is_floating(kind)) for kind in kinds)


def table_of(X: Any) -> "pa.Table":
    """Return a data frame as a table. Raises DataError if X is not one, or has no rows."""
    pa = need_pyarrow()
    if not is_frame(X):
        raise DataError(f"X must be a data frame, as in fit; got {type(X)}")
    if not len(X):
        raise DataError("X has 0 rows; at least 1 is required")
    try:
        if _is_pandas(X):  # as a stream, it would have its index as a column
            return pa.Table.from_pandas(X, preserve_index=False)
        table = pa.table(X)
        columns = [_with_plain_strings(column) for column in table.columns]
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"X has a column that cannot be read: {error}") from error
    return pa.Table.from_arrays(columns, table.column_names)


def _with_plain_strings(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return a column whose categories are not string views, which pyarrow cannot cast."""
    import pyarrow as pa

    kind = column.type
    if not pa.types.is_dictionary(kind) or not pa.types.is_string_view(kind.value_type):
        return column
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, pa.dictionary(kind.index_type, pa.string()))
