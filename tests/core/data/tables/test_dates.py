"""Dates and times of day as people write them."""

import datetime
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardmax.data.load import load
from hardmax.data.options import Reading
from hardmax.data.tables.columns import Column, guess_column
from hardmax.data.tables.encoding import Encoding
from hardmax.data.tables.features import encode_table
from hardmax.data.tables.learning import learn
from hardmax.errors import DataError


def guess(cells, **options):
    return guess_column("when", pa.chunked_array([pa.array(cells)]), **options)


def seconds(date, *time):
    return pd.Timestamp(f"{date}T{''.join(time) or '00:00'}", tz="UTC").timestamp()


@pytest.mark.parametrize(
    ("cell", "date"),
    [
        *[(text, "2020-01-05") for text in ("5 January 2020", "05-Jan-2020", "Jan 5, 2020")],
        *[(text, "2020-01-05") for text in ("JAN-05-2020", "5th of january, 2020", "05Jan2020")],
        *[(text, "2020-01-05") for text in ("Sun, 5 Jan 2020", "January 5th 2020", "5. Jan. 20")],
        *[(text, "2020-01-05") for text in ("2020/1/5", "2020.01.05", "2020 01 05", "2020-1-5")],
        *[(text, "2020-01-05") for text in ("2020 Jan 5", "2020-jan-05", "20200105T00")],
        *[(text, "1974-09-01") for text in ("Sep 1974", "September 1974", "Sept. 1974", "SEP-74")],
        *[(text, "1974-09-01") for text in ("Sep '74", "1974 Sep", "1974-09", "1974/9")],
        *[(text, "2020-01-31") for text in ("1/31/2020", "31/1/2020", "31.01.20", "31. 1. 2020")],
        *[(text, "2020-01-31") for text in ("31-01-2020", "01-31-20", "31 01 2020")],
    ],
)
def test_dates_are_read_as_people_write_them(cell, date):
    assert guess([cell]).kind == "date"
    assert guess([cell]).values == [seconds(date)]


@pytest.mark.parametrize(
    ("cell", "date", "time"),
    [
        ("20200131T103000", "2020-01-31", "10:30"),
        ("20200131T1030Z", "2020-01-31", "10:30"),
        ("31.1.2020 10:30", "2020-01-31", "10:30"),
        ("1/31/2020 8:05:30 PM", "2020-01-31", "20:05:30"),
        ("1/31/2020, 12:00 am", "2020-01-31", "00:00"),
        ("Jan 5, 2020 8 p.m.", "2020-01-05", "20:00"),
        ("2020/01/05 08:00:00.25", "2020-01-05", "08:00:00.25"),
    ],
)
def test_dates_may_have_a_time(cell, date, time):
    assert guess([cell]).values == [seconds(date, time)]


@pytest.mark.parametrize(
    "cell",
    [
        *("30 February 2020", "32.1.2020", "1/31-2020", "13/13/2020", "0/1/2020", "1.31.202"),
        *(
            "Jan",
            "5 Jan",
            "Juny 2020",
            "1/31/2020 25:00",
            "1/31/2020 8",
            "2020/13",
            "Model 5, 2020",
        ),
        *("25:00", "8:60", "13:00 PM", "0:30 am", "8", "8:5", "12:30:61", "8:00 xm"),
    ],
)
def test_other_texts_are_neither_dates_nor_times(cell):
    assert guess([cell, cell]).kind in ("category", "number")


moments = st.datetimes(datetime.datetime(1969, 1, 1), datetime.datetime(2068, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)
clocks = st.sampled_from(["", " %H:%M:%S", " %I:%M:%S %p", ", %I:%M:%S%p"])


@settings(max_examples=40)
@given(
    st.lists(moments, min_size=1, max_size=20),
    st.sampled_from("/-. "),
    st.sampled_from("yY"),
    st.booleans(),
    clocks,
)
def test_dates_in_either_order_are_read_back(values, mark, year, is_day_first, clock):
    """A last date, whose day is no month, tells the order."""
    values = [*values, datetime.datetime(2020, 1, 31)]
    order = f"%d{mark}%m" if is_day_first else f"%m{mark}%d"
    found = guess([value.strftime(f"{order}{mark}%{year}{clock}") for value in values])
    assert (found.kind, found.style) == ("date", "day-first" if is_day_first else "month-first")
    whole = [
        value if clock else datetime.datetime.combine(value, datetime.time()) for value in values
    ]
    np.testing.assert_array_equal(
        found.values, [value.replace(tzinfo=datetime.UTC).timestamp() for value in whole]
    )


@settings(max_examples=40)
@given(
    st.lists(moments, min_size=1, max_size=20),
    st.sampled_from(["%d %B %Y", "%B %d, %Y", "%d-%b-%y", "%Y/%m/%d", "%a %d %b %Y", "%Y%m%dT"]),
    clocks,
)
def test_dates_that_need_no_order_are_read_back(values, date, clock):
    if date.endswith("T"):
        clock = "%H%M%S"
    found = guess([value.strftime(date + clock) for value in values])
    assert (found.kind, found.style) == ("date", "")
    whole = [
        value if clock else datetime.datetime.combine(value, datetime.time()) for value in values
    ]
    np.testing.assert_array_equal(
        found.values, [value.replace(tzinfo=datetime.UTC).timestamp() for value in whole]
    )


@settings(max_examples=40)
@given(
    st.lists(st.times(), min_size=1),
    st.sampled_from(["%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S%p"]),
)
def test_times_of_day_are_read_back(values, form):
    cells = [value.strftime(form) for value in values]
    found = guess(cells)
    expected = pd.to_timedelta(
        [str(datetime.datetime.strptime(cell, form).time()) for cell in cells]
    )
    assert found.kind == "time of day"
    np.testing.assert_allclose(found.values, expected.total_seconds(), atol=1e-6)


# The order of day and month


def test_dates_that_fit_both_orders_are_refused(tmp_path):
    cells = ["01/01/2019", "02/03/2019", "11/12/2019"] * 20
    path = tmp_path / "a.csv"
    pd.DataFrame({"when": cells, "y": ["u", "v"] * 30}).to_csv(path, index=False)
    with pytest.raises(
        DataError,
        match="dates such as '02/03/2019' can be read day first and month first; add "
        "--as when=day-first or --as when=month-first, or write them as 2020-01-31",
    ):
        load(str(path), Reading(label="y"))
    for order, month in (("day-first", 3), ("month-first", 2)):
        reading = Reading(label="y", column_kinds=(f"when={order}",))
        assert load(str(path), reading).encoding.columns[0].style == order
        assert guess(cells, given=order).values[1] == seconds(f"2019-0{month}-0{5 - month}")


def test_rows_that_are_not_trained_on_do_not_tell_the_order():
    cells = ["13/01/2019", "01/02/2019", "01/31/2019"]
    found = guess(cells, rows=np.array([0, 1]))
    assert (found.style, found.odd.tolist()) == ("day-first", [2])
    with pytest.raises(DataError, match="'01/02/2019' can be read day first and month first"):
        guess(cells, rows=np.array([1]))


def test_dates_with_points_are_day_first():
    found = guess(["01.02.2019", "03.04.2019"])
    assert (found.style, found.values[0]) == ("day-first", seconds("2019-02-01"))
    assert guess(["01.02.2019", "01.31.2019"]).style == "month-first"


def test_a_few_cells_of_each_order_do_not_tell_it():
    cells = ["01/02/2019"] * 100
    assert guess([*cells, "13/01/2019", "x"]).style == "day-first"
    with pytest.raises(DataError, match="can be read day first and month first"):
        guess([*cells, "13/01/2019", "01/13/2019"])


def test_the_order_is_that_of_the_training_rows_and_is_told(tmp_path):
    days = pd.date_range("2019-01-01", periods=200)
    frame = pd.DataFrame({"when": days.strftime("%d/%m/%Y"), "y": ["u", "v"] * 100})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.assign(when=days.strftime("%Y-%m-%d")).to_csv(tmp_path / "b.csv", index=False)
    found, expected = (
        load(str(tmp_path / name), Reading(label="y")) for name in ("a.csv", "b.csv")
    )
    np.testing.assert_array_equal(found.train.values, expected.train.values)
    assert "a, column when: dates are read day first, as in '31/01/2019'" in found.notices
    encoding = Encoding.from_json(json.loads(json.dumps(found.encoding.as_json())))
    one = encode_table(pa.table({"when": ["05/02/2019"]}), tmp_path, encoding)[0]
    same = encode_table(pa.table({"when": [datetime.date(2019, 2, 5)]}), tmp_path, encoding)[0]
    np.testing.assert_array_equal(one, same)
    with pytest.raises(DataError, match="row 1: '02/13/2019' is not a date written day first, but"):
        encode_table(pa.table({"when": ["02/13/2019"]}), tmp_path, encoding)


def test_many_columns_of_dates_have_one_notice(tmp_path):
    days = pd.date_range("2019-01-01", periods=200).strftime("%d/%m/%Y")
    frame = pd.DataFrame({f"d{i}": days for i in range(7)} | {"y": ["u", "v"] * 100})
    frame.to_csv(tmp_path / "a.csv", index=False)
    notices = load(str(tmp_path / "a.csv"), Reading(label="y")).notices
    (notice,) = (one for one in notices if "day first" in one)
    assert notice.startswith("a, columns d0, d1, d2, d3, d4 and 2 more: dates are read day first")


def test_times_of_day_are_encoded_as_distance_and_phase():
    values = np.random.default_rng(0).uniform(0, 86400, 100)
    encoding, _ = learn([Column("a", "time of day", values)], np.arange(100))
    found = encoding.encode([Column("a", "time of day", values)])
    angles = 2 * np.pi * values / 86400
    low, middle, high = np.percentile(values, [25, 50, 75])
    scaled = (values - middle) / (high - low)
    expected = [scaled / np.sqrt(1 + (scaled / 3) ** 2), np.sin(angles), np.cos(angles)]
    np.testing.assert_allclose(found.T, expected, rtol=1e-5, atol=1e-6)
