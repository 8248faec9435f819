"""Runs to be served, written by the library itself, and servers of them."""

import csv

import numpy as np
import pytest
from run_folders import run_of, write
from servers import serving

from hardmax.data.load import load
from hardmax.data.options import Reading

pytest.importorskip("onnxruntime")
pytest.importorskip("uvicorn")

ROWS = 60
SHAPE = (6, 5, 3)
CLASSES = ("shirt", "<b>&", "größer")


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A table in a file, with columns of several kinds."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("tables") / "visits.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["months", "plan", "contract", "since", "note", "outcome"])
        for number in range(ROWS):
            months = "" if number % 9 == 3 else int(generator.integers(1, 60))
            writer.writerow(
                [
                    months,
                    generator.choice(["basic", "family", "größer"]),
                    generator.choice(["yes", "no"]),
                    f"20{number % 10 + 10}-0{number % 9 + 1}-1{number % 7}",
                    f"call {number}, {generator.choice(['glad', 'not glad'])}",
                    ["leaves", "stays"][number % 2],
                ]
            )
    return path


@pytest.fixture(scope="session")
def write_table_run(table):
    """A function that writes a run for rows of ``table``."""
    reading = Reading(label="outcome", column_kinds=("note=text",))
    dataset = load(str(table), reading)

    def make(out, seed=0):
        shape, encoding = dataset.train.inputs.shape[1:], dataset.encoding
        return write(out, run_of(shape, dataset.classes, encoding, seed, label="outcome"))

    return make


@pytest.fixture(scope="session")
def table_run(write_table_run, tmp_path_factory):
    return write_table_run(tmp_path_factory.mktemp("runs") / "visits")


@pytest.fixture(scope="session")
def image_run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("runs") / "clothes", run_of(SHAPE, CLASSES))


@pytest.fixture(scope="session")
def server(table_run, image_run, tmp_path_factory):
    """A server of both runs, in a process of its own."""
    with serving(tmp_path_factory.mktemp("server"), table_run, image_run) as server:
        yield server
