"""Tables are written as text, JSON lines or Parquet, also part by part."""

import datetime
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from support import table_bytes

from hardmax.data.tables import writing
from hardmax.data.tables.files import read_table
from hardmax.data.tables.writing import WRITABLE, TableWriter, with_columns

CELLS = ["p\rq", 'say "hi"', "a,b", "line\nbreak", None, "7"]
TABLE = pa.table(
    {
        "text": CELLS,
        "größe": pa.array([1.5, None, 3.0, 1e-300, 0.1, 2.0]),
        "whole": [1, 2, 3, 4, 5, 2**53],
        "day": pa.array([datetime.date(2024, 1, 2)] * 6),
        "is": pa.array([True, None, False] * 2),
    }
)


@pytest.mark.parametrize("ending", WRITABLE)
def test_parts_are_read_as_the_whole(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(writing, "GROUP", 10)
    whole, parts = tmp_path / f"whole{ending}", tmp_path / f"parts{ending}"
    whole.write_bytes(table_bytes(TABLE, ending))
    with parts.open("wb") as file:
        writer = TableWriter(file, ending)
        for start, count in ((0, 1), (1, 3), (4, 2)):
            writer.write(TABLE.slice(start, count))
        writer.close()
    assert read_table(parts).table.to_pylist() == read_table(whole).table.to_pylist()
    if ending == ".parquet":
        assert pyarrow.parquet.ParquetFile(parts).num_row_groups == 2


def test_json_lines_have_the_values_of_the_cells():
    rows = [json.loads(line) for line in table_bytes(TABLE, ".jsonl").decode().splitlines()]
    expected = TABLE.to_pandas().astype({"day": str}).astype(object)
    expected = expected.where(pd.notna(expected), None).to_dict("records")
    assert rows == expected
    assert "größe" in table_bytes(TABLE, ".jsonl").decode()
    table = pa.table({"a": [float("nan"), float("inf"), 1.0]})
    assert table_bytes(table, ".jsonl") == b'{"a": null}\n{"a": null}\n{"a": 1.0}\n'


def test_columns_are_appended_under_free_names():
    table = pa.table({"a": ["x"], "b": ["y"], "b_2": ["z"]}).replace_schema_metadata({"k": "v"})
    found = with_columns(table, {"b": [0.5], "c": [None]})
    assert found.column_names == ["a", "b", "b_2", "b_3", "c"]
    assert [*map(str, found.schema.types[3:])] == ["double", "string"]
    assert found.to_pylist() == [{"a": "x", "b": "y", "b_2": "z", "b_3": 0.5, "c": None}]
    assert found.schema.metadata == {b"k": b"v"}
    assert with_columns(None, {"b": ["x", "y"]}).equals(pa.table({"b": ["x", "y"]}))
