"""What is made of the data before a training."""

import numpy as np
import pytest

from hardmax.runs.members import fold_of
from hardmax.runs.preparation import prepared
from hardmax.runs.settings import Settings

FOLDS = 4


def written(path, rows):
    path.write_text("x,z,y\n" + "".join(f"{x},{-x},{'ab'[x % 2]}\n" for x in rows))
    return str(path)


def divided_values(rows):
    """Return the fraction of the values whose rows are in several folds."""
    of_value = {}
    found = fold_of(rows, FOLDS, 0)
    for value, number in zip(rows.values[:, 0].tolist(), found.tolist(), strict=True):
        of_value.setdefault(value, set()).add(number)
    return np.mean([len(numbers) > 1 for numbers in of_value.values()])


@pytest.mark.parametrize(
    ("tested", "are_together"),
    [
        (range(200, 240), True),  # a test set without rows of the training set
        (range(180, 220), False),  # one of which half are
        (range(193, 233), True),  # one of which fewer are than the training set has copies
        ([*range(150, 200)] * 4, True),  # one that has only such rows, which is warned of
        (None, True),  # split off
    ],
)
def test_folds_divide_copies_as_the_test_set_does(tmp_path, tested, are_together):
    # More than half of the rows have an equal one.
    train = written(tmp_path / "train.csv", [*range(200), *range(80)])
    test = None if tested is None else written(tmp_path / "test.csv", tested)
    settings = Settings(data=train, label="y", model="mlp", folds=FOLDS, test=test)
    divided = divided_values(prepared(settings).dataset.train)
    # By chance, copies are in different folds in 3 of 4 cases.
    assert divided == 0 if are_together else divided > 0.2


def test_copies_stay_together_if_the_last_rows_are_the_test_set(tmp_path):
    rows = [
        f"{x},{-x},{number},{'ab'[x % 2]}" for number, x in enumerate([*range(110), *range(90)])
    ]
    (tmp_path / "a.csv").write_text("\n".join(["x,z,time,y", *rows]))
    data = {"data": str(tmp_path / "a.csv"), "label": "y", "drop": ("time",)}
    dataset = prepared(Settings(**data, model="mlp", time="time")).dataset
    assert np.isin(dataset.test.keys, dataset.train.keys).all()
    assert divided_values(dataset.train) == 0


def test_classes_that_change_over_time_are_no_mistake_of_the_split(tmp_path):
    rows = [f"{x / 7},2024-01-{x // 20 + 1:02},{'ab'[x > 500 or x % 2]}" for x in range(600)]
    (tmp_path / "a.csv").write_text("\n".join(["x,day,y", *rows]))
    data = {"data": str(tmp_path / "a.csv"), "label": "y", "model": "mlp"}
    (found,) = prepared(Settings(**data, time="day")).dataset.warnings
    assert "other frequencies" in found
    assert "they change over time" in found
    assert prepared(Settings(**data)).dataset.warnings == ()
