"""Helpers shared by several tests."""

import importlib.util
import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from hardmax import frameworks
from hardmax.data.tables.writing import TableWriter
from hardmax.errors import MissingFrameworkError

#: The options of a training for which the network does not matter: this one takes a moment.
SOFTMAX = ("--model", "softmax-regression")

#: Strategies: a side of a small image, and up to four images of one shape, grayscale or color.
sides = st.integers(1, 12)
image_arrays = st.tuples(st.integers(0, 4), sides, sides, st.sampled_from([1, 3])).flatmap(
    lambda shape: arrays(np.uint8, shape)
)


def module_at(path):
    """Return the module in a file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pcg64(count, seed, epoch):
    """Return the expected order of an epoch, int64 of shape (count,), directly from NumPy."""
    sequence = np.random.SeedSequence([seed, epoch])
    return np.random.Generator(np.random.PCG64(sequence)).permutation(count)


def batches(count, size, seed, epoch):
    """Return the rows of an epoch's batches, in order."""
    return np.split(pcg64(count, seed, epoch), range(size, count, size))


def noise(*shape, seed=0):
    """Return random pixels, uint8 of the given shape."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def to_pillow(image):
    """Return an image, uint8 (height, width, 1 or 3), as one of Pillow."""
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def save(path, pixels, **options):
    """Write pixels as an image file, creating its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def table_bytes(table, ending):
    """Return the contents of a table file with the given ending."""
    data = io.BytesIO()
    writer = TableWriter(data, ending)
    writer.write(table)
    writer.close()
    return data.getvalue()


def peak_memory(function):
    """Return the most bytes that were allocated while a function ran."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def need(*names):
    """Skip the test unless all of these frameworks are installed."""
    for name in names:
        try:
            frameworks.check(name)
        except MissingFrameworkError as error:
            pytest.skip(str(error))


def refused(done, *words):
    """Assert that a command failed with a one-line error message that contains these words."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("hardmax: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert [word for word in words if word not in done.stderr] == []


def mixed_table(count, seed=0, missing=0.05):
    """Return a DataFrame of 20 columns of mixed types with missing values, and a skewed label.

    The label, ``outcome``, is "yes" in 15% of the rows and depends on a few of the columns.
    """
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(count, 10)) * 10.0 ** np.arange(-4, 6) + np.arange(10)
    columns = {f"number {i}": numbers[:, i] for i in range(10)}
    for name, levels in {"letter": "abcd", "size": ["S", "M", "L"], "side": ["x", "y"]}.items():
        columns[name] = generator.choice([*levels], count).astype(object)
    flags = generator.integers(0, 2, (count, 3)).astype(bool)
    columns |= {f"flag {i}": flags[:, i].astype(object) for i in range(3)}
    days = np.datetime64("2020-01-01") + generator.integers(0, 1500, count)
    columns["day"] = days.astype("datetime64[s]")
    columns |= {"person": [f"person {i}" for i in range(count)], "same": ["same"] * count}
    columns["whole"] = generator.integers(0, 100, count).astype(float)
    score = 1.2 * (numbers[:, 0] * 10**4) + 0.8 * (numbers[:, 1] - 1) * 10**3
    score += 1.5 * (columns["letter"] == "a") - 1.0 * (columns["size"] == "S") + flags[:, 0]
    score += 0.7 * generator.normal(size=count)
    frame = pd.DataFrame(columns)
    for name in frame.columns.difference(["person", "same"]):
        frame.loc[generator.random(count) < missing, name] = None
    frame["outcome"] = np.where(score > np.quantile(score, 0.85), "yes", "no")
    return frame
