"""Table files are read part by part as they are as a whole."""

import csv
import io
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from support import mixed_table

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables import source, text, typed
from hardmax.data.tables.features import PartEncoder, encode_table
from hardmax.data.tables.files import open_table, read_table
from hardmax.errors import DataError

#: Cells that end, are quoted or are written in ways that the end of a block might tear apart.
CELLS = ["1", "", "été", "日本", 'say "hi"', "line\nbreak", "a\r\nb", "x;y", "long " * 20, '"']


@pytest.fixture(params=[2, 7, 64, 1000])
def small_blocks(request, monkeypatch):
    """Read files in blocks of a few bytes."""
    for module in (source, text):
        monkeypatch.setattr(module, "BLOCK", request.param)
    monkeypatch.setattr(text, "COLUMN_BYTES", 1)
    monkeypatch.setattr(text, "CELLS", 1)
    monkeypatch.setattr(text, "MIN_ROWS", 3)


def written(rows, ending, **options):
    """Return rows as the csv module writes them, with lines that end in ``ending``."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=ending, quoting=csv.QUOTE_ALL, **options).writerows(rows)
    return file.getvalue()


def parts_of(path, size, **options):
    with open_table(path, **options) as table:
        return table.count, [*table.parts(size)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "latin-1", "gbk"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_blocks_of_text_may_end_anywhere(tmp_path, small_blocks, encoding, ending):
    cells = [cell for cell in CELLS if cell.encode(encoding, "ignore").decode(encoding) == cell]
    rows = [random.Random(i).choices(cells, k=3) for i in range(40)]
    above = f"# made by hand{ending}" if encoding == "utf-16" else ""
    below = f"{ending}Source: an agency{ending}" if encoding == "utf-16-be" else ""
    content = above + written([["a", "b", "c"], *rows], ending) + below
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode(encoding))
    given = "gbk" if encoding == "gbk" else None
    count, parts = parts_of(path, 7, header=True, encoding=given)
    assert [part.num_rows for part in parts] == [7] * 5 + [5]
    assert count == 40
    found = [[*row.values()] for part in parts for row in part.to_pylist()]
    assert found == rows
    assert read_table(path, header=True, encoding=given).table.num_rows == 40


def test_quotes_after_blanks_are_found_in_every_block(tmp_path, small_blocks):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 20 + '1,   "x,y"\n' + "1,2\n" * 20)
    _, parts = parts_of(path, 4)
    assert pa.concat_tables(parts)["b"].to_pylist() == ["2"] * 20 + ["x,y"] + ["2"] * 20


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n" + "1,2\n" * 30 + "1\n" + "1,2\n" * 30, "line 32 has 1 cells"),
        ("a,b\n" + "1,2\n" * 30 + '1,"2\n' + "1,2\n" * 30, "unexpected end of data"),
        ("a,b\n" + '1,"2"\n' * 30 + '1,"2\n' * 2, "'[,]' expected after '\"'"),
        ("a,b\n" + "é,2\n" * 30 + "\0,2\n", "not text"),
    ],
)
def test_damaged_rows_are_found_in_every_block(tmp_path, small_blocks, content, words):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=words), open_table(path) as table:
        table.count  # noqa: B018


def test_the_first_damaged_character_is_found_in_every_block(tmp_path, small_blocks):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + "é日,2\n".encode() * 30 + b"\xe9,2\n" + b"1,2\n" * 30)
    with pytest.raises(
        DataError, match="but for 1 of its characters, the first of them in line 32"
    ):
        read_table(path)


@pytest.mark.parametrize("ending", ["parquet", "feather", "jsonl", "csv"])
def test_parts_are_the_rows_of_the_whole(tmp_path, monkeypatch, ending):
    frame = mixed_table(100).astype({"letter": "category", "day": "datetime64[ms]"})
    path = tmp_path / f"a.{ending}"
    {
        "parquet": lambda: frame.to_parquet(path, row_group_size=30),
        "feather": lambda: pyarrow.feather.write_feather(frame, path, chunksize=30),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True, date_format="iso"),
        "csv": lambda: frame.to_csv(path, index=False),
    }[ending]()
    whole = read_table(path).table
    assert len(whole) == 100
    if ending in ("parquet", "feather"):
        pd.testing.assert_frame_equal(whole.to_pandas(), frame)
    for module, name in ((typed, "PART_CELLS"), (typed, "JSON_BLOCK"), (typed, "BLOCK")):
        monkeypatch.setattr(module, name, 300)
    monkeypatch.setattr(text, "BLOCK", 300)
    for size in (1, 7, 30, 99, 100, 1000):
        count, parts = parts_of(path, size)
        assert count == 100
        assert [part.num_rows for part in parts[:-1]] == [size] * (len(parts) - 1)
        assert {part.schema.metadata == whole.schema.metadata for part in parts} == {True}
        assert pa.concat_tables(parts).to_pylist() == whole.to_pylist()


@pytest.mark.parametrize(
    ("last", "column"),
    [
        ('{"a": 1}', [1] * 30 + [1]),
        ('{"a": 1.5}', [1.0] * 30 + [1.5]),
        ('{"b": "x"}', [1] * 30 + [None]),
        ('{\n"a": 2\n}', [1] * 30 + [2]),
    ],
)
def test_types_of_json_are_those_of_all_lines(tmp_path, monkeypatch, last, column):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 30 + last)
    monkeypatch.setattr(typed, "JSON_BLOCK", path.stat().st_size - 1)
    monkeypatch.setattr(typed, "BLOCK", 20)
    count, parts = parts_of(path, 10)
    assert count == 31
    assert len({str(part.schema) for part in parts}) == 1
    assert repr(pa.concat_tables(parts)["a"].to_pylist()) == repr(column)


def test_an_error_in_json_is_that_of_the_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 30 + '{"a": "x"}\n')
    with pytest.raises(DataError) as expected:
        read_table(path)
    monkeypatch.setattr(typed, "JSON_BLOCK", path.stat().st_size - 1)
    monkeypatch.setattr(typed, "BLOCK", 20)
    with pytest.raises(DataError) as found:
        read_table(path)
    assert "row 30" in str(found.value)
    assert str(found.value) == str(expected.value)


def test_parts_are_encoded_as_the_whole(tmp_path):
    path = tmp_path / "a.csv"
    mixed_table(300).to_csv(path, index=False)
    encoding = load(str(path), Reading(label="outcome")).encoding
    new = mixed_table(100, seed=1).drop(columns="outcome")
    new.loc[[3, 60, 61], "letter"] = ["new", "newer", "new"]
    table = pa.Table.from_pandas(new)
    values, notices = encode_table(table, path, encoding)
    assert len(notices) == 1
    assert "3 of the rows have categories, such as 'new'," in notices[0]
    encoder = PartEncoder(path, encoding)
    parts = [encoder.encode(table.slice(at, 9)) for at in range(0, 100, 9)]
    np.testing.assert_array_equal(np.concatenate(parts), values)
    assert (encoder.rows, encoder.notices()) == (100, notices)
    bad = pa.table(table.slice(0, 2)).set_column(
        table.column_names.index("number 0"), "number 0", [["1", "many"]]
    )
    with pytest.raises(DataError, match="'number 0', row 102: 'many' is not a number"):
        encoder.encode(bad)
