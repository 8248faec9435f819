"""Whether the first row of a text table is its header."""

import numpy as np
import pandas as pd
import pytest

from hardmax.data.tables.files import read_table
from hardmax.errors import DataError

RANDOM = np.random.default_rng(0)
IRIS = RANDOM.normal([5.8, 3.0, 3.7, 1.2], [0.8, 0.4, 1.7, 0.7], (100, 4)).round(1)
SPECTRA = RANDOM.random((30, 12)).round(4)
COUNTS = RANDOM.integers(0, 256, (30, 12))


WITHOUT = {
    "numbers": pd.DataFrame(IRIS).assign(label=[0, 1] * 50),
    "numbers and classes": pd.DataFrame(IRIS).assign(label=["a", "b"] * 50),
    "a descending first row": pd.DataFrame(np.vstack([[5.1, 3.5, 1.4, 0.2], IRIS])),
    "repeated numbers": pd.DataFrame(np.vstack([[1.0, 1.0, 1.0, 0.5], IRIS * 0 + 1])),
    "texts": pd.DataFrame({"a": ["x", "y"] * 20, "b": ["p", "q", "r", "p"] * 10}),
    "a name in each row": pd.DataFrame({"n": [f"n{i}" for i in range(100)]}).join(
        pd.DataFrame(np.vstack([[3.0, 6.0, 4.5, 4.9], IRIS[1:] * 3]))
    ),
    "dates": pd.DataFrame({"d": pd.date_range("2020-01-01", periods=40).astype(str)}).assign(
        y=["u", "v"] * 20
    ),
    "prices": pd.DataFrame({"p": [f"${1000 + 7 * i:,}" for i in range(40)]}).assign(
        y=["u", "v"] * 20, z=["p", "q"] * 20
    ),
    "missing cells": pd.DataFrame(IRIS).mask(IRIS > 5.5, "?").assign(label=["a", "b"] * 50),
}


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".csv", ";"), (".tsv", "\t")])
def test_a_file_without_a_header_is_refused(tmp_path, name, ending, delimiter):
    path = tmp_path / f"a{ending}"
    frame = WITHOUT[name]
    frame.to_csv(path, index=False, header=False, sep=delimiter)
    with pytest.raises(DataError, match=r"has no header: its first row \(.*add --no-header"):
        read_table(path)
    frame.rename(columns="c{}".format).to_csv(path, index=False, sep=delimiter)
    assert read_table(path).table.num_rows == len(frame)


WITH = {
    "pandas' numbers": (COUNTS, [*range(12)]),
    "numbers from 1": (COUNTS, [*range(1, 13)]),
    "numbered pixels and a label": (COUNTS, ["label", *range(11)]),
    "a label behind": (COUNTS, [*range(11), "label"]),
    "a label of texts": (pd.DataFrame(COUNTS).assign(y=["a", "b"] * 15), [*range(12), "y"]),
    "years": (COUNTS, [*range(2010, 2022)]),
    "every fifth year": (COUNTS, [*range(1960, 2020, 5)]),
    "wavelengths": (SPECTRA, [f"{400 + 2.5 * i:g}" for i in range(12)]),
    "descending wavenumbers": (SPECTRA, [f"{4000 - 1.93 * i:.2f}" for i in range(12)]),
    "uneven wavelengths": (SPECTRA, [f"{400 * 1.1**i:.1f}" for i in range(12)]),
    "wavelengths in no order": (SPECTRA, [f"{400 + 7.5 * (i * 5 % 12)}" for i in range(12)]),
    "months": (COUNTS, [f"2020-{i:02}" for i in range(1, 13)]),
    "words": (COUNTS, [*"abcdefghijkl"]),
    "one word that is also a cell": (
        pd.DataFrame({"a": ["x", "other"] * 15, "b": ["p", "q", "r"] * 10}),
        ["color", "other"],
    ),
    "a number above texts": (pd.DataFrame({"a": ["x", "y"] * 15}), ["7"]),
    "an index": (COUNTS, ["", *range(11)]),
    "one row": (COUNTS[:1], [*range(12)]),
    "one row of words": (COUNTS[:1], [*"abcdefghijkl"]),
}


@pytest.mark.parametrize("name", WITH)
def test_names_that_are_numbers_are_names(tmp_path, name):
    frame, names = WITH[name]
    frame = pd.DataFrame(frame).set_axis(names, axis=1)
    frame.to_csv(tmp_path / "a.csv", index=False)
    table, _ = read_table(tmp_path / "a.csv")
    assert table.column_names == [*map(str, names)]
    assert table.num_rows == len(frame)


@pytest.mark.parametrize(
    "names", ["1990,2000,2010,2015", "2021,2020,2019,1990", "0.1,0.25,0.5,0.9", "700,850,990,1200"]
)
def test_the_name_of_the_label_makes_a_row_a_header(tmp_path, names):
    rows = "".join(f"{5000 - i},{i / 40},{i * 100},{i},{'uvy'[i % 3]}\n" for i in range(40))
    (tmp_path / "a.csv").write_text(f"{names},y\n{rows}")
    assert read_table(tmp_path / "a.csv", known=("y",)).table.num_rows == 40
    for known in ((), (None,), (names.split(",")[0],)):
        with pytest.raises(DataError, match="has no header"):
            read_table(tmp_path / "a.csv", known=known)


def test_parquet_has_names_of_its_own(tmp_path):
    pd.DataFrame(IRIS, columns=["5.1", "3.5", "1.4", "0.2"]).to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet").table.num_rows == 100
