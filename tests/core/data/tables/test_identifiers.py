"""Columns that are left out as identifiers, dropped or kept, and columns that give labels away."""

import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.columns import Column
from hardmax.data.tables.identifiers import why_identifier
from hardmax.data.tables.learning import learn
from hardmax.data.tables.survey import survey_table
from hardmax.errors import ArgumentError, DataError

RANDOM = np.random.default_rng(0)
LABELLED = Reading(label="y")


def why(cells, name="x"):
    if isinstance(cells[0], str):
        column = Column(name, "category", np.arange(len(cells)), tuple(cells))
    else:
        column = Column(name, "number", np.array(cells, float))
    return why_identifier(column, column.values)


@given(
    start=st.integers(-(10**9), 10**9),
    count=st.integers(60, 300),
    seed=st.integers(0, 2**32 - 1),
    fraction=st.floats(0.6, 1),
)
@example(start=1900, count=100, seed=0, fraction=1.0)
@example(start=1799, count=60, seed=0, fraction=1.0)
@settings(max_examples=30)
def test_any_part_of_a_count_in_any_order_is_an_identifier(start, count, seed, fraction):
    order = np.random.default_rng(seed).permutation(np.arange(start, start + count))
    cells = order[: round(fraction * count)]
    found = why(cells)
    if cells.min() >= 1800 and cells.max() <= 2100:  # as years are
        assert found is None
    else:
        assert found.startswith(f"identifier: {len(cells)} distinct integers from {cells.min()} ")


@given(st.integers(20, 2000), st.integers(1, 10**7), st.integers(0, 2**32 - 1))
def test_measured_integers_are_not_identifiers(count, range_of_values, seed):
    assert why(np.random.default_rng(seed).integers(0, range_of_values, count)) is None


CODES = {
    "UUIDs": [str(uuid.UUID(int=int(i) << 96)) for i in RANDOM.integers(0, 2**31, 50)],
    "hashes": [f"{i:016x}" for i in RANDOM.integers(0, 2**62, 50)],
    "padded": [f"P-{i:04}" for i in range(50)],
    "numbered": [f"patient {i}" for i in RANDOM.permutation(50)],
    "plates": [f"AB-{i}-X" for i in RANDOM.choice(900, 50, replace=False) + 100],
}

OTHERS = {
    "words": [f"{a} {b}" for a in "one two three four five".split() for b in "abcdefghij"],
    "names": [chr(97 + i // 5) + "abcdef" + chr(97 + i % 5) for i in range(50)],
    "sentences": [f"the {i}th of {2 * i} words" for i in range(50)],
    "measures": [f"{cell:05.2f}kg" for cell in RANDOM.normal(20, 3, 50)],
    "lengths": [f"{'x' * i}1" for i in range(1, 51)],
    "repeated": [f"P-{i // 2:04}" for i in range(50)],
    "few": [f"P-{i:04}" for i in range(19)],
    "fractions": (np.arange(50) / 2).tolist(),
    "large": (RANDOM.choice(10**6, 50, replace=False)).tolist(),
}


@pytest.mark.parametrize("kind", CODES)
def test_codes_that_never_repeat_are_identifiers(kind):
    assert why(CODES[kind]).startswith("identifier: 50 distinct codes such as '")


@pytest.mark.parametrize("kind", OTHERS)
def test_other_columns_are_not_identifiers(kind):
    cells = OTHERS[kind]
    if isinstance(cells[0], str):
        levels, codes = np.unique(cells, return_inverse=True)
        assert why_identifier(Column("x", "category", codes, tuple(levels)), codes) is None
    else:
        assert why(cells) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("id", "ID", "customer_id", "CustomerId", "order ID", "uuid")),
        *((name, False) for name in ("paid", "grid", "width", "valid", "Idaho", "ideal")),
    ],
)
def test_sparse_integers_are_identifiers_by_their_name(name, expected):
    assert (why(OTHERS["large"], name) is not None) == expected
    assert why(OTHERS["fractions"], name) is None


def table(path, **columns):
    count = len(next(iter(columns.values())))
    frame = pd.DataFrame({**columns, "y": np.array(["no", "yes"])[RANDOM.integers(0, 2, count)]})
    frame.to_csv(path, index=False)
    return str(path)


def test_an_identifier_is_left_out_unless_it_is_kept(tmp_path):
    path = table(tmp_path / "a.csv", id=range(1000, 1060), x=RANDOM.normal(size=60), c=["s"] * 60)
    dataset = load(path, LABELLED)
    assert [code.name for code in dataset.encoding.columns] == ["x"]
    assert dataset.preprocessing["left_out"]["id"].startswith("identifier: 48 distinct integers")
    assert "--keep COLUMN uses an identifier" in dataset.notices[0]
    kept = load(path, Reading(label="y", keep=("id", "c")))
    assert [code.name for code in kept.encoding.columns] == ["id", "x", "c"]
    assert kept.preprocessing["left_out"] == {}
    assert survey_table(tmp_path / "a.csv", LABELLED).columns["id"]["why"].startswith("identifier")
    both = survey_table(tmp_path / "a.csv", Reading(label="y", keep=("id",), drop=("c",)))
    assert "why" not in both.columns["id"]
    assert [*both.columns] == ["id", "x"]


def test_a_dropped_column_does_not_matter(tmp_path):
    """The data is that of a table without the column, also in how equal rows are split."""
    x = RANDOM.normal(size=30).repeat(2)
    labels = np.array(["no", "yes"])[(x > 0).astype(int)]
    frame = pd.DataFrame({"a, b": range(60), "x": x, "y": labels})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.drop(columns="a, b").to_csv(tmp_path / "b.csv", index=False)
    found = load(str(tmp_path / "a.csv"), Reading(label="y", drop=("a, b",)))
    expected = load(str(tmp_path / "b.csv"), LABELLED)
    np.testing.assert_array_equal(found.test.values, expected.test.values)
    np.testing.assert_array_equal(found.train.labels, expected.train.labels)
    again = Reading(label="y", drop=("a, b",), encoding=found.encoding, classes=found.classes)
    np.testing.assert_array_equal(
        load(str(tmp_path / "b.csv"), again).test.values, found.test.values
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"drop": ("colour",)}, "no column 'colour'; did you mean 'color'? it has color, e, y"),
        ({"keep": ("q",)}, "no column 'q'; it has color, e, y"),
        ({"drop": ("y",)}, "'y' is the label column"),
        ({"keep": ("e",)}, "column 'e' cannot be kept; it is empty"),
        ({"drop": ("color",)}, "no column is left"),
    ],
)
def test_columns_that_cannot_be_dropped_or_kept_are_rejected(tmp_path, options, words):
    path = table(tmp_path / "a.csv", color=RANDOM.normal(size=40), e=[None] * 40)
    with pytest.raises(DataError) as caught:
        load(path, Reading(label="y", **options))
    assert words in str(caught.value)


def test_only_tables_have_columns_to_drop():
    with pytest.raises(ArgumentError, match="drop applies only to tables"):
        load("digits", Reading(drop=("a",)))


def test_a_text_without_common_parts_cannot_be_kept():
    column = Column("t", "category", np.arange(20), (*"abcdefghijklmnopqrst",))
    with pytest.raises(DataError, match=r"'t' cannot be kept: it is text \(20 distinct"):
        learn([column], np.arange(20), keep=("t",))


# Leaks


def leaks(tmp_path, labels, **columns):
    frame = pd.DataFrame({**columns, "y": labels})
    frame.to_csv(tmp_path / "a.csv", index=False)
    warnings = load(str(tmp_path / "a.csv"), Reading(label="y", whole=True)).warnings
    return [warning.split(":")[0] for warning in warnings if "--drop" in warning]


@pytest.mark.parametrize("flipped", [0, 2, 20])
def test_a_column_that_decides_99_percent_of_the_rows_is_a_leak(tmp_path, flipped):
    labels = RANDOM.integers(0, 3, 600)
    copied = np.where(np.arange(600) < flipped, (labels + 1) % 3, labels)
    found = leaks(
        tmp_path,
        np.array(["low", "mid", "high"])[labels],
        name=np.array(["u", "v", "w"])[copied],
        threshold=1e100 * (copied + RANDOM.uniform(0, 0.9, 600)),
        some=RANDOM.normal(size=600) + labels,
    )
    expected = ["a, column name", "a, column threshold"] if flipped < 5 else []
    assert found == expected


def test_missing_cells_may_give_the_label_away(tmp_path):
    labels = RANDOM.integers(0, 2, 100)
    cells = np.where(labels == 1, RANDOM.normal(size=100), np.nan)
    assert leaks(tmp_path, labels, x=cells, z=RANDOM.normal(size=100)) == ["a, column x"]
    columns = survey_table(tmp_path / "a.csv", LABELLED).columns
    assert columns["x"]["alone"] == 100
    assert "alone" not in columns["z"]


def test_few_rows_and_rare_classes_are_not_judged(tmp_path):
    few = np.arange(36) % 2
    assert leaks(tmp_path, few, x=few, z=RANDOM.normal(size=36)) == []
    rare = np.arange(500) < 7
    assert leaks(tmp_path, rare.astype(int), x=rare, z=RANDOM.normal(size=500)) == []


@pytest.mark.parametrize("loader", [load_iris, load_wine, load_breast_cancer])
def test_measured_columns_of_real_tables_are_no_leaks_and_no_identifiers(tmp_path, loader):
    frame = loader(as_frame=True).frame.rename(columns={"target": "y"})
    frame.to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"), LABELLED)
    assert dataset.preprocessing["left_out"] == {}
    assert not dataset.warnings
