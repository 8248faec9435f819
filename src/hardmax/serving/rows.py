"""Rows of requests as a model takes them, read as ``hardmax predict`` reads a table."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hardmax.checks import listed, shortened
from hardmax.data.tables.arrow import need_pyarrow
from hardmax.data.tables.columns import Column, read_as
from hardmax.data.tables.encoding import ColumnCode, Encoding
from hardmax.data.tables.files import read_text_table
from hardmax.errors import DataError
from hardmax.serving.cells import is_plainly, number_of, text_of
from hardmax.serving.errors import RequestError
from hardmax.serving.limits import Limits
from hardmax.serving.model import ServedModel

__all__ = ["feeds_of_csv", "feeds_of_rows"]

#: What messages call a table that is no file.
TABLE = Path("the table")


def feeds_of_csv(content: bytes, model: ServedModel, limits: Limits) -> dict[str, np.ndarray]:
    """Return the inputs of a model for a text table with a header.

    Raises RequestError for one that cannot be read or has more than ``limits.rows`` rows, for a
    column of the training that is not there, and for a cell that is of another kind.
    """
    names = [code.name for code in _encoding(model).columns]
    settings = model.run.settings
    try:
        table, _ = read_text_table(
            TABLE,
            content,
            names,
            header=settings.header is not False,
            encoding=settings.text_encoding,
        )
    except DataError as error:
        raise RequestError(str(error)) from error
    limits.check_count(table.num_rows, "rows")
    present = {*table.column_names}
    if absent := [name for name in names if name not in present]:
        raise _lacking(absent, table.column_names)
    # Cells of other columns would take much memory.
    return feeds_of_rows(table.select(names).to_pylist(), model, limits)


def feeds_of_rows(
    rows: Sequence[dict[str, Any]], model: ServedModel, limits: Limits
) -> dict[str, np.ndarray]:
    """Return the inputs of a model for rows as JSON has them: their cells by column.

    Cells are texts, numbers, booleans or None, which is missing as an absent one is. Other columns
    than those of the training are ignored. Raises RequestError for none or more than
    ``limits.rows`` rows, a column of the training that no row has, and a cell that is of another
    kind.
    """
    encoding = _encoding(model)
    if not rows:
        raise RequestError("the request has no rows; send at least one")
    limits.check_count(len(rows), "rows")
    _check_names(rows, encoding)
    feeds = {}
    for code, tensor in zip(encoding.columns, model.inputs, strict=True):
        cells = [row.get(code.name) for row in rows]
        fill = _numbers if tensor.datatype == "FP64" else _texts
        feeds[tensor.name] = fill(code, cells, encoding)
    return feeds


def _encoding(model: ServedModel) -> Encoding:
    encoding = model.run.encoding
    if not isinstance(encoding, Encoding):
        raise RequestError(f"{model.name} classifies images, not rows; send image files")
    return encoding


def _check_names(rows: Sequence[dict[str, Any]], encoding: Encoding) -> None:
    """Raise RequestError for columns of the training that no row has."""
    absent = {code.name for code in encoding.columns}
    for number, row in enumerate(rows, 1):
        if type(row) is not dict:
            raise RequestError(
                f"row {number} must be an object with a cell for each column, got "
                f"{shortened(repr(row))}"
            )
    for row in rows:
        absent -= row.keys()
        if not absent:
            return
    raise _lacking([code.name for code in encoding.columns if code.name in absent], rows[0])


def _lacking(absent: Sequence[str], found: Iterable[str]) -> RequestError:
    return RequestError(
        f"no column {listed(repr(shortened(name)) for name in absent)}, which the model was "
        f"trained on; found {listed(found) or 'none'}"
    )


def _numbers(code: ColumnCode, cells: Sequence[Any], encoding: Encoding) -> np.ndarray:
    """Return cells as float64 (rows,). Raises RequestError for one that is no number."""
    numbers = [number_of(cell, encoding.missing) for cell in cells]
    if None in numbers:  # parsing them as training did is slower
        return _parsed(code, _written(code, cells), encoding).values
    return np.array(numbers)


def _texts(code: ColumnCode, cells: Sequence[Any], encoding: Encoding) -> np.ndarray:
    """Return cells as texts (rows,). Raises RequestError for one of another kind."""
    texts = _written(code, cells)
    is_any = code.kind in ("category", "text")
    if not is_any and not all(is_plainly(code, text, encoding.missing) for text in texts):
        _parsed(code, texts, encoding)
    return np.array(texts, object)


def _written(code: ColumnCode, cells: Sequence[Any]) -> list[str]:
    """Return cells as they would stand in a file."""
    return [text_of(code, row, cell) for row, cell in enumerate(cells, 1)]


def _parsed(code: ColumnCode, texts: Sequence[str], encoding: Encoding) -> Column:
    """Return a column of texts that are read as in training."""
    pa = need_pyarrow()
    try:
        return read_as(
            code.name,
            pa.chunked_array([pa.array(texts, pa.string())]),
            code.kind,
            style=code.style,
            placeholder=code.placeholder,
            missing=encoding.missing,
            strict=not code.odd,
        )
    except DataError as error:
        raise RequestError(str(error)) from error
