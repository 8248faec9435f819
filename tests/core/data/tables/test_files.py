"""Table files of all kinds: encodings, compression, delimiters, headers, notes and formats."""

import bz2
import gzip
import io
import json
import lzma
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import peak_memory

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables import contents
from hardmax.data.tables.files import is_table_name, read_table, table_name
from hardmax.errors import ArgumentError, DataError

FRAME = pd.DataFrame({"größe": ["1", "2", "3"] * 8, "name": ["Zoë", "b c", "d"] * 8})
CSV = FRAME.to_csv(index=False)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(path, **options):
    """Return the column names, the rows and the notices of a table file."""
    table, notices = read_table(path, **options)
    return table.column_names, [tuple(row.values()) for row in table.to_pylist()], notices


# Encodings


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("latin-1", "is read as Latin-1 text (--text-encoding names another)"),
        ("utf-16", "is read as UTF-16 text"),
        ("utf-16-le", "is read as UTF-16-LE text"),
        ("utf-16-be", "is read as UTF-16-BE text"),
        ("utf-32", "is read as UTF-32 text"),
    ],
)
def test_encodings_are_recognized(tmp_path, encoding, words):
    path = write(tmp_path / "a.csv", CSV.encode(encoding))
    table, notices = read_table(path)
    assert table.to_pandas().to_dict("list") == FRAME.to_dict("list")
    assert notices == ([] if words is None else [f"{path} {words}"])


def test_another_encoding_is_named_by_an_option(tmp_path):
    text = "имя,y\nИван,u\nПётр,v\n"
    path = write(tmp_path / "a.csv", text.encode("windows-1251"))
    assert rows(path, encoding="windows-1251")[:2] == (
        ["имя", "y"],
        [("Иван", "u"), ("Пётр", "v")],
    )
    # A file that is UTF-8 is read as such.
    assert rows(write(path, text), encoding="windows-1251")[0] == ["имя", "y"]
    with pytest.raises(DataError, match="is not gbk text; name its encoding with --text-encoding"):
        read_table(write(path, b"a,y\n\x81\xff,u\n"), encoding="gbk")
    with pytest.raises(DataError, match="neither UTF-8 nor Latin-1 text; name its encoding"):
        read_table(write(path, b"a,y\n\x81,u\n"))
    with pytest.raises(ArgumentError, match="unknown encoding 'klingon'"):
        Reading(text_encoding="klingon")


@pytest.mark.parametrize("content", [b"a,y\n\x00,u\n", os.urandom(2000) + b"\0", b"\0" * 100])
def test_what_is_not_text_is_refused(tmp_path, content):
    with pytest.raises(DataError, match="is not text"):
        read_table(write(tmp_path / "a.csv", content))


# Compression


def zipped(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return data.getvalue()


PACKED = {
    "a.csv.gz": gzip.compress,
    "a.csv.bz2": bz2.compress,
    "a.CSV.xz": lzma.compress,
    "a.csv.zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
    "a.csv.zip": lambda data: zipped(b_csv=data),
    "a.zip": lambda data: zipped(b_csv=data),
}


@pytest.mark.parametrize("name", PACKED)
def test_compressed_tables_are_read(tmp_path, name):
    path = write(tmp_path / name, PACKED[name](CSV.encode()))
    assert is_table_name(name)
    assert table_name(path) == "a"
    assert read_table(path).table.to_pandas().to_dict("list") == FRAME.to_dict("list")
    write(path, PACKED[name](CSV.encode() * 1000)[:-20])
    with pytest.raises(DataError, match=f"cannot read .*{name}"):
        read_table(path)


def test_tables_with_types_may_be_compressed(tmp_path):
    data = io.BytesIO()
    FRAME.to_parquet(data)
    path = write(tmp_path / "a.parquet.gz", gzip.compress(data.getvalue()))
    assert read_table(path).table.to_pandas().equals(FRAME)


def test_a_compressed_file_is_not_unpacked_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "MAX_BYTES", 2**26)
    path = write(tmp_path / "a.csv.gz", gzip.compress(b"a,y\n" + b"1,u\n" * 2**26))

    def read():
        with pytest.raises(DataError, match="more than 67108864 bytes"):
            read_table(path)

    assert peak_memory(read) < 2**28


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped(a_csv="a,y\n", b_csv="a,y\n"), "an archive of one table; it has a.csv, b.csv"),
        (zipped(), "an archive of one table; it is empty"),
        (zipped(a_png="a"), "has no table in it, but a file that ends in '.png'"),
    ],
)
def test_an_archive_has_one_table(tmp_path, data, words):
    with pytest.raises(DataError, match=words):
        read_table(write(tmp_path / "a.zip", data))


@pytest.mark.parametrize("folder", ["", "./", "data/"])
def test_what_macos_adds_to_archives_is_not_counted(tmp_path, folder):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}b.csv", CSV)
        for name in (f"__MACOSX/{folder}._b.csv", "__MACOSX/b.csv", f"{folder}._b.csv"):
            archive.writestr(name, b"\0\5\26\7")
    assert read_table(path).table.to_pandas().to_dict("list") == FRAME.to_dict("list")


def test_a_file_named_by_a_dot_is_another_file_in_an_archive(refused, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(".", b"")
        archive.writestr("b.csv", CSV)
    with refused(DataError, path, "it has ., b.csv"):
        read_table(path)


# Delimiters

cells = st.text(st.sampled_from('ab1.,;|\t "'), max_size=6)


@given(
    st.lists(st.tuples(cells, cells, cells), min_size=3, max_size=8),
    st.sampled_from(",;\t|"),
)
def test_the_delimiter_is_found_among_the_others(tmp_path_factory, content, delimiter):
    frame = pd.DataFrame(content, columns=["first one", "second one", "third one"])
    path = tmp_path_factory.getbasetemp() / "delimiter.csv"
    frame.to_csv(path, sep=delimiter, index=False, quoting=1)
    names, found, _ = rows(path, header=True)
    assert names == [*frame.columns]
    assert found == content


def test_decimal_commas_are_not_delimiters(tmp_path):
    path = write(tmp_path / "a.csv", "a;b;y\n" + "1,5;2,25;u\n3,5;4,75;v\n" * 9)
    assert rows(path)[:2] == (["a", "b", "y"], [("1,5", "2,25", "u"), ("3,5", "4,75", "v")] * 9)
    assert read_table(path).notices == [f"{path} is read with semicolons between cells"]


# Headers

BODY = "1,x\n2,z\n3,x\n"
FOUND = [("1", "x"), ("2", "z"), ("3", "x")]


@pytest.mark.parametrize(
    ("content", "names", "words"),
    [
        (f"a,y\n{BODY}", ["a", "y"], None),
        (f"# by a tool\n# unit: cm\n\na,y\n{BODY}", ["a", "y"], "without the 2 lines above"),
        (f"# by Ann, Bob\na,y\n{BODY}", ["a", "y"], "without the line above the table"),
        (f"#a,y\n{BODY}", ["a", "y"], None),
        (f"#,y\n{BODY}", ["#", "y"], None),
        (f"## by a tool\n#a,y\n{BODY}", ["a", "y"], "without the line above the table"),
        (f"Sales\n\na,y\n{BODY}", ["a", "y"], "without the line above the table"),
        (f"Sales\nof 2020\na,y\n{BODY}", ["a", "y"], "without the 2 lines above the table"),
        (f"\n  \na,y\n{BODY}", ["a", "y"], None),
        (f"a,y\n\n{BODY}\n   \n", ["a", "y"], None),
        (f"a,y\n{BODY}\nSource: a book\n", ["a", "y"], "below the table, such as 'Source: a book'"),
        (f'a,y\n{BODY}"Source: a, b"\n* of 3\n', ["a", "y"], "without the 2 lines below the table"),
        ("y\n1,x\n2,z\n3,x\n", ["", "y"], "with a name of each row in front of its cells"),
        ("a,y\n1,x,\n2,z,\n3,x,\n", ["a", "y", ""], None),
        (f"a,a\n{BODY}", ["a", "a.1"], "with repeated names numbered: 'a.1'"),
        (f"a, a \n{BODY}", ["a", "a.1"], "with repeated names numbered: 'a.1'"),
    ],
)
def test_the_header_and_the_rows_are_found(tmp_path, content, names, words):
    path = write(tmp_path / "a.csv", content)
    found_names, found, notices = rows(path)
    assert found_names == names
    assert [tuple(cell for cell in row if cell) for row in found] == FOUND
    assert notices == [] if words is None else len(notices) == 1 and words in notices[0]


@given(st.lists(st.sampled_from(["a", "a.1", "a.2", "b", ""]), min_size=1, max_size=9))
def test_repeated_names_are_numbered_without_a_clash(tmp_path_factory, names):
    path = tmp_path_factory.getbasetemp() / "names.csv"
    line = ",".join(names)
    path.write_text(f"{line},z\n{','.join('1' * len(names))},u\n")
    found = read_table(path, header=True).table.column_names
    assert len({*found}) == len(found) == len(names) + 1
    firsts = [place for place, name in enumerate(names) if name not in names[:place]]
    assert [found[place] for place in firsts] == [names[place] for place in firsts]


def test_numbered_names_are_those_of_pandas(tmp_path):
    path = write(tmp_path / "a.csv", "v,v,w,v,label\n1,2,3,4,u\n")
    assert read_table(path).table.column_names == [*pd.read_csv(path).columns]


def test_a_truncated_row_is_not_a_note(tmp_path):
    for last in ("4", "x4", "4.5e"):
        with pytest.raises(DataError, match="line 5 has 1 cells"):
            read_table(write(tmp_path / "a.csv", f"a,y\n{BODY}{last}"))


def test_notes_within_quotes_belong_to_their_cells(tmp_path):
    path = write(tmp_path / "a.csv", 'a,y\n1,u\n2,"v\nSource: none\n\nof these"\n')
    assert rows(path)[1] == [("1", "u"), ("2", "v\nSource: none\n\nof these")]


# Without a header

NUMBERS = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)).round(2))


def test_columns_without_names_are_numbered(tmp_path):
    path = tmp_path / "a.csv"
    NUMBERS.assign(y=["u", "v"] * 20).to_csv(path, header=False, index=False)
    with pytest.raises(DataError, match="looks like data; add --no-header"):
        load(str(path), Reading(label="3"))
    dataset = load(str(path), Reading(label="3", header=False))
    assert len(dataset.train) + len(dataset.test) == 40
    assert [code.name for code in dataset.encoding.columns] == ["0", "1", "2"]
    # Two rows in front that start like colors, not like comments.
    write(path, f"#ff0000,1\n#00ff00,2\n{BODY}")
    assert rows(path, header=False)[1][:2] == [("#ff0000", "1"), ("#00ff00", "2")]


def test_a_first_row_that_looks_like_data_can_be_the_header(tmp_path):
    path = write(tmp_path / "a.csv", "2.5,x\n" + BODY)
    with pytest.raises(DataError, match="or --header if it is one"):
        read_table(path)
    assert rows(path, header=True)[0] == ["2.5", "x"]


# Formats

TYPED = pd.DataFrame(
    {
        "a": np.arange(20.0) / 4,
        "n": [*range(20)],
        "b": ["p", None] * 10,
        "c": [True, False] * 10,
        "d": pd.date_range("2020-01-01", periods=20).astype("datetime64[us]"),
    }
)


def lines(path):
    TYPED.assign(d=TYPED["d"].astype(str)).to_json(path, orient="records", lines=True)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.parquet", TYPED.to_parquet),
        ("a.feather", TYPED.to_feather),
        ("a.arrow", lambda path: pyarrow.feather.write_feather(TYPED, path)),
        ("a.jsonl", lines),
        ("a.ndjson", lines),
        ("a.xlsx", lambda path: TYPED.to_excel(path, index=False)),
    ],
)
def test_files_with_types_give_the_same_table(tmp_path, name, save):
    path = tmp_path / name
    save(path)
    table, notices = read_table(path)
    frame = table.to_pandas()
    assert notices == []
    assert frame["d"].astype("datetime64[us]").equals(TYPED["d"])
    assert frame[["a", "n", "c"]].equals(TYPED[["a", "n", "c"]])
    assert table["b"].to_pylist() == ["p", None] * 10
    write(path, path.read_bytes()[: path.stat().st_size // 2 + 3])
    with pytest.raises(DataError, match=name):
        read_table(path)


def test_a_file_with_names_of_its_own_has_a_header(tmp_path):
    TYPED.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="has names of its own; leave out --no-header"):
        read_table(tmp_path / "a.parquet", header=False)


def test_rows_of_json_may_lack_a_member(tmp_path):
    content = [{"a": 1, "y": "u"}, {"y": "v"}, {"a": None, "y": "w", "b": [1]}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, content)))
    table, _ = read_table(path)
    assert table.to_pylist() == [
        {"a": 1, "y": "u", "b": None},
        {"a": None, "y": "v", "b": None},
        {"a": None, "y": "w", "b": [1]},
    ]


def test_a_workbook_has_titles_sheets_and_mixed_columns(tmp_path):
    path = tmp_path / "a.xlsx"
    cells = [["Sales 2020", None], [None, None], ["a", "y"], [1, "u"], ["n/a", "v"], [2.0, "u"]]
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame().to_excel(writer, sheet_name="empty", index=False)
        pd.DataFrame(cells).to_excel(writer, sheet_name="data", index=False, header=False)
        pd.DataFrame([1]).to_excel(writer, sheet_name="more", index=False)
    names, found, notices = rows(path)
    assert (names, found) == (["a", "y"], [("1", "u"), ("n/a", "v"), ("2", "u")])
    assert notices == [
        f"{path} is read from its sheet 'data', not from 'empty', 'more', without a row above "
        "the table"
    ]


def test_the_names_of_tables():
    assert all(map(is_table_name, ["a.tab", "a.data", "b/a.txt.gz", "a.JSONL", "a.b.csv"]))
    assert not any(map(is_table_name, ["a.npz", "csv", "a.gz", "a.csv.rar", "a.png"]))
    assert table_name(Path("b/a.b.csv")) == "a.b"
    assert table_name(Path("b/a.b.csv.gz")) == "a.b"


# Damage


def test_unclosed_quotes_do_not_swallow_rows(tmp_path):
    lines = ["n,a,y", *(f"bob {i},{i % 7},u" for i in range(60))]
    for places in ((6,), (6, 51)):
        damaged = ['"' + line if i in places else line for i, line in enumerate(lines)]
        with pytest.raises(DataError, match=r"expected after|unexpected end"):
            read_table(write(tmp_path / "a.csv", "\n".join(damaged)))


def test_rows_with_a_cell_too_many_have_no_row_names(tmp_path):
    for content in ("a,y\n3,45,u\n3,5,v\n2,1,u\n", "age,height,y\n3,5,u,b\n3,6,v,b\n"):
        with pytest.raises(DataError, match="line 2 has"):
            read_table(write(tmp_path / "a.csv", content))


def test_a_few_bytes_of_another_encoding_are_refused(tmp_path):
    content = "a,y\nKöln,u\n" + "Köln,u\nZürich,v\n" * 30
    damaged = content.encode() + "Ümea,u\n".encode("latin-1")
    with pytest.raises(DataError, match=r"is UTF-8 but for 1 of its characters, .* in line 63"):
        read_table(write(tmp_path / "a.csv", damaged))


@pytest.mark.parametrize(
    "above", ["sep=,\n", "My report, of 2020\n", "x,as of 2020,,\nz,\n", "#n\n", "# a,b,c,d\n"]
)
def test_the_header_is_found_by_the_name_of_the_label(tmp_path, above):
    rows = "berlin,p,1,u\nparis,q,2,v\nberlin,q,3,v\n"
    path = write(tmp_path / "a.csv", f"{above}city,k,n,y\n{rows}")
    table, notices = read_table(path, known=("y",))
    assert table.column_names == ["city", "k", "n", "y"]
    assert table.num_rows == 3
    assert "above the table" in notices[0]


@pytest.mark.parametrize("header", ["a,b,c", ",b,c"])
def test_a_cell_with_the_text_of_the_label_is_no_header(tmp_path, header):
    path = write(tmp_path / "a.csv", f"{header}\n1,x,u\n2,y,v\n3,x,v\n")
    assert read_table(path, known=("y",)).table.column_names == header.split(",")


def test_a_sheet_may_say_that_it_is_smaller(tmp_path):
    path = tmp_path / "a.xlsx"
    TYPED.to_excel(path, index=False)
    changed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b'ref="A1:E21"', b'ref="A1:B3"'))
            assert name != "xl/worksheets/sheet1.xml" or b'ref="A1:E21"' in data
    assert read_table(write(path, changed.getvalue())).table.shape == (20, 5)


def test_line_breaks_in_names_become_blanks(tmp_path):
    path = write(tmp_path / "a.csv", '"how\nmany \n times",y\n1,u\n2,v\n')
    assert read_table(path).table.column_names == ["how many times", "y"]
