"""How many rows an explanation can afford."""

import pytest

from hardmax.data.tables.encoding import ColumnCode, Encoding
from hardmax.runs.explain import TRAINING, Effort, explain_training


@pytest.mark.parametrize(
    ("columns", "levels", "expected"), [(1, 2, 500), (10, 5, 500), (20, 50, 25), (1000, 1, 0)]
)
def test_wide_tables_are_explained_on_fewer_rows(columns, levels, expected):
    codes = [ColumnCode(f"c{i}", "category", levels=tuple("x" * levels)) for i in range(columns)]
    encoding = Encoding((*codes,))
    effort = Effort(rows=500, cells=1_500_000, repeats=3, columns=4)
    assert encoding.features == columns * levels
    assert effort.affordable(encoding) == expected


def test_a_training_does_not_explain_a_table_of_a_thousand_columns():
    class Wide:
        encoding = Encoding(tuple(ColumnCode(f"c{i}", "number") for i in range(1000)))

    assert TRAINING.affordable(Wide.encoding) < 100
    assert explain_training(None, Wide, None, seed=0, members=1) is None
