"""Text tables: quotes after blanks, names with blanks, limits and files that are none."""

import csv
import io
import os

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import peak_memory

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables import text, typed
from hardmax.data.tables.files import read_table
from hardmax.errors import DataError


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Blanks


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_names_are_trimmed_as_cells_are(tmp_path, ending):
    frame = pd.DataFrame({" age": range(20), "sex ": ["m", "f"] * 10, " y ": [" u", "v"] * 10})
    path = tmp_path / f"a{ending}"
    frame.to_csv(path, index=False) if ending == ".csv" else frame.to_parquet(path)
    for label in ("y", " y "):
        dataset = load(str(path), Reading(label=label))
        assert dataset.classes == ("u", "v")
        assert [code.name for code in dataset.encoding.columns] == ["age", "sex"]


@pytest.mark.parametrize("delimiter", [", ", ";  ", "\t "])
def test_a_quote_after_blanks_opens_a_cell(tmp_path, delimiter):
    rows = [["x", '"the ""name"""', "y"], ["1", f'"a{delimiter}b"', "u"], ["2", '"c\nd"', "v"]]
    content = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows) + "\r\n\r\n"
    path = write(tmp_path / ("a.tsv" if "\t" in delimiter else "a.csv"), content)
    assert read_table(path).table.to_pylist() == [
        {"x": "1", 'the "name"': f"a{delimiter}b", "y": "u"},
        {"x": "2", 'the "name"': "c\nd", "y": "v"},
    ]


cells = st.text(st.sampled_from('ab ,;"\n'), max_size=6)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_padded_quotes_are_read_as_the_csv_module_reads_them(tmp_path_factory, rows):
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows([("first name", "second name"), *rows])
    path = tmp_path_factory.getbasetemp() / "padded.csv"
    path.write_text(content.getvalue().replace('name","second', 'name", "second'), newline="")
    table, _ = read_table(path)
    assert table.column_names == ["first name", "second name"]
    assert [(row["first name"], row["second name"]) for row in table.to_pylist()] == rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('x, "y"\n1, "a", 2\n', "line 2 has 3 cells, the header has 2"),
        ('x, "y"\n1, "a\n', "unexpected end of data"),
        ('x, "y"\n', "no rows"),
    ],
)
def test_damaged_padded_tables_are_refused(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        read_table(write(tmp_path / "a.csv", content))


# Limits


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_only_regular_files_are_read(tmp_path, ending):
    pipe, device = tmp_path / f"pipe{ending}", tmp_path / f"device{ending}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for path in (pipe, device):
        with pytest.raises(DataError, match="is not a regular file"):
            load(str(path), Reading(label="y"))
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


def sparse(path, size, start=b""):
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
    return path


def endless(path):
    """Write a line of 64 MiB."""
    with path.open("wb") as file:
        file.write(b"a,y\n")
        for _ in range(64):
            file.write(b"1" * 2**20)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: sparse(path, 3 * 2**30), "has 3221225472 bytes; at most 2147483647"),
        (lambda path: sparse(path, 2**31 - 1), "is not text"),
        (lambda path: sparse(path, 2**31 - 1, b"a,y\n1,u\n"), "is not text"),
        (endless, "has a line of more than 16777216 bytes"),
    ],
)
def test_absurd_files_are_refused_without_reading_them(tmp_path, make, words):
    path = make(tmp_path / "a.csv")

    def read():
        with pytest.raises(DataError, match=words):
            read_table(path)

    assert peak_memory(read) < 2**27


def test_long_lines_are_allowed_within_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MAX_LINE", 100)
    rows = [f"{'x' * 90},{i}\r\n" for i in range(20)]
    assert read_table(write(tmp_path / "a.csv", "".join(["a,y\r\n", *rows]))).table.num_rows == 20
    with pytest.raises(DataError, match="a line of more than 100 bytes"):
        read_table(write(tmp_path / "a.csv", "".join(["a,y\r\n", *rows, "x" * 101, ",1\r\n"])))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_too_many_columns_are_refused(tmp_path, delimiter):
    path = tmp_path / ("a.tsv" if delimiter == "\t" else "a.csv")
    with pytest.raises(DataError, match="has 100001 columns; at most 100000 are allowed"):
        read_table(write(path, delimiter * 100_000 + "\n"))


def test_a_header_may_be_longer_than_a_cell_of_the_csv_module(tmp_path):
    names = [f"gene number {number:08}" for number in range(8000)]
    rows = f"{','.join('1' * 8000)}\n" * 3
    (tmp_path / "a.csv").write_text(f"{','.join(names)}\n{rows}")
    assert read_table(tmp_path / "a.csv").table.column_names == names


def test_parquet_strings_that_are_not_utf8_are_refused(tmp_path):
    buffers = [None, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xbc")]
    strings = pa.Array.from_buffers(pa.string(), 2, buffers)
    path = tmp_path / "data.parquet"
    pyarrow.parquet.write_table(pa.table({"a": strings, "y": ["u", "v"]}), path)
    with pytest.raises(DataError, match="Invalid UTF8"):
        read_table(path)


def test_too_large_parquet_tables_are_refused_by_their_header(tmp_path, monkeypatch):
    table = pa.table({"a": pa.array([1] * 1000), "y": ["u", "v"] * 500})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    monkeypatch.setattr(typed, "MAX_CELLS", 2000)
    assert read_table(tmp_path / "a.parquet").table.num_rows == 1000
    monkeypatch.setattr(typed, "MAX_CELLS", 1999)
    with pytest.raises(DataError, match="has 1000 rows of 2 columns; at most 1999 cells"):
        read_table(tmp_path / "a.parquet")
    monkeypatch.setattr(typed, "MAX_COLUMNS", 1)
    with pytest.raises(DataError, match="has 2 columns; at most 1 are"):
        read_table(tmp_path / "a.parquet")


# Messages


@pytest.mark.parametrize(
    ("content", "label"),
    [
        ("{0},y\n1,u\n", "z"),
        ("{0},{0},y\n1,2,u\n", "y"),
        ("{0},y\n" + "1,u\n1,v\n" * 9, "y"),
        ("{0},y\n" + "1,u\ninf,v\n" * 9, "y"),
        ("a,{0}\n1,u\n2,v\n3,w\n", "{0}"),
        ("a,y\n{0},u\n" + "1,u\n2,v\n" * 9, "z"),
    ],
)
def test_long_names_are_shortened_in_messages(tmp_path, content, label):
    name = "n" * 10_000
    path = write(tmp_path / "a.csv", content.format(name))
    with pytest.raises(DataError) as caught:
        load(str(path), Reading(label=label.format(name)))
    assert len(str(caught.value)) < 500
    assert " [...] " not in str(caught.value)
