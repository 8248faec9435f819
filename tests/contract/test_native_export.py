"""Networks in the framework's own format: what is exported gives the scores of its run."""

import errno
import importlib
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import reference
from example_networks import EVERY_LAYER, random_weights
from support import need

import hardmax
from hardmax.errors import ExportError, RunError
from hardmax.export.native import export_native
from hardmax.networks.layers import (
    Activation,
    Conv,
    Dropout,
    Ensemble,
    GlobalPool,
    Linear,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Scale,
)
from hardmax.runs.data import load_data
from hardmax.runs.run import Run
from hardmax.training.recipes import Recipe

BINS = PiecewiseLinear((2, 2, 0), (-1.0, 0.25, -0.5), (0.25, 1.5, 0.5))
MEMBER = (
    *(PeriodicEmbedding(3, 3, (2, 0)), BINS, Scale(), Linear(4), ParametricSELU()),
    *(Dropout(0.5, "flat-cos"), PeriodicEmbedding(), Linear(3)),
)
DEPTHWISE = (
    *(Conv(6, 3, padding=1), Activation("relu"), Conv(6, 3, groups=6), GlobalPool()),
    *(Dropout(0.5), Linear(4)),
)

#: How an exported run is used without hardmax: from X to scores, NumPy arrays.
USES = {
    "torch": """
import torch
network = torch.export.load("run.pt2").module()
scores = network(torch.from_numpy(X)).numpy()
""",
    "jax": """
from jax import export
network = export.deserialize(bytearray(open("run.stablehlo", "rb").read()))
scores = network.call(X)
""",
    "tensorflow": """
import tensorflow as tf
network = tf.saved_model.load("run.savedmodel")
scores = network(X).numpy()
""",
}

#: How its metadata, JSON, are read; the files of JAX have no room for them.
METADATA = {
    "torch": """
files = {"hardmax.json": ""}
torch.export.load("run.pt2", extra_files=files)
about = files["hardmax.json"]
""",
    "jax": 'about = "null"',
    "tensorflow": 'about = open("run.savedmodel/assets.extra/hardmax.json").read()',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("native")


@pytest.fixture(scope="module")
def trained(folder, run, framework):
    """The folder of a run on the digits."""
    done = run(
        *("train", "digits", "--model", "small-resnet", "--widths", "4,8", "--epochs", 1),
        *("--framework", framework, "--out", "run", "--no-baselines"),
    )
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def exported(trained, exporter, framework):
    """The export of the run in its own framework."""
    return export_native(str(trained), framework)


@pytest.fixture(scope="module")
def exporter(fw, framework):
    if framework == "mxnet":
        pytest.skip("MXNet has no format to export to")
    return fw.export


def built(fw, network, shape, weights):
    model = fw.models.NetworkClassifier(network, shape, Recipe())
    fw.Trainer(1).set_weights(model, weights)
    return model


def numpy_scores(network, weights, X):
    """Return the scores of examples; images have their channels first."""
    return reference.Forward(weights).run(network, X.astype(np.float64))


def close(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("network", "shape"),
    [(EVERY_LAYER, (15, 13, 2)), (DEPTHWISE, (7, 6, 1)), ((Ensemble(MEMBER, 3),), (3,))],
    ids=["every layer", "depthwise", "ensemble of rows"],
)
def test_an_exported_network_gives_the_scores_that_numpy_gives(
    fw, framework, exporter, tmp_path, network, shape
):
    weights = random_weights(network, shape)
    model = built(fw, network, shape, weights)
    exporter.save(model, shape, tmp_path / "saved", "{}")
    scores_of = exporter.load(tmp_path / "saved")
    for count in (1, 2, 5):
        X = np.random.default_rng(count).random((count, *shape), np.float32)
        first = np.moveaxis(X, -1, 1) if len(shape) == 3 else X
        found = scores_of(fw.tensor(first if framework == "torch" else X))
        close(found, numpy_scores(network, weights, first))


def test_a_run_is_used_without_hardmax(folder, trained, exported, framework, python):
    run = Run.open(trained)
    test = load_data(run, str(trained), None).test
    X = (test.images / np.float32(255)).astype(np.float32)
    first = np.ascontiguousarray(np.moveaxis(X, -1, 1))
    np.save(folder / "X.npy", first if framework == "torch" else X)
    code = f"""
import os, sys
import numpy as np
os.chdir({str(folder)!r})
X = np.load("X.npy")
{USES[framework]}
{METADATA[framework]}
np.save("scores.npy", np.asarray(scores))
print("hardmax" in sys.modules, about)
"""
    imported, about = python(code).split(maxsplit=1)
    assert imported == "False"
    known = {"classes": [*run.classes], "hardmax": hardmax.__version__, "temperature": 1}
    assert json.loads(about) == (None if framework == "jax" else known)
    scores = np.load(folder / "scores.npy")
    close(scores, numpy_scores(run.network, run.weights, first))
    accuracy = (scores.argmax(axis=1) == test.labels).mean()
    assert accuracy == run.record["results"]["test"]["accuracy"]


def test_an_export_is_beside_its_run_and_was_checked_on_the_test_set(folder, exported, exporter):
    assert exported.path == folder / f"run{exporter.SUFFIX}"
    assert exported.size == sum(map(len, contents(exported.path)))
    checked = exported.checked
    assert checked.examples == checked.labels == 359
    assert 0 <= checked.difference < 1e-5
    assert [path.name for path in folder.iterdir() if "hardmax" in path.name] == []


def test_an_export_has_no_paths_of_the_computer(fw, exported):
    assert str(Path(fw.__file__).parent).encode() not in b"".join(contents(exported.path))


def contents(path):
    """Return the bytes of a file, or of the files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return [file.read_bytes() for file in files]


def test_an_export_prints_nothing(exporter, trained, framework, tmp_path, capfd):
    export_native(str(trained), framework, tmp_path / "out")
    assert capfd.readouterr() == ("", "")


def wrong(exporter, save, model, shape, path, metadata):
    """Save a network with other weights."""
    layers = importlib.import_module(exporter.__name__.replace("export", "layers"))
    weights = layers.get_weights(model)
    layers.set_weights(model, {name: 1.01 * value for name, value in weights.items()})
    save(model, shape, path, metadata)


def damaged(exporter, save, model, shape, path, metadata):
    """Save a network, and lose the second half of each of its files."""
    save(model, shape, path, metadata)
    for file in [path, *path.rglob("*")]:
        if file.is_file():
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def full(exporter, save, model, shape, path, metadata):
    """Save a network until the disk is full."""
    damaged(exporter, save, model, shape, path, metadata)
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [
        (wrong, ExportError, "does not give the predictions of the run"),
        (damaged, Exception, None),  # each framework has its own
        (full, RunError, "cannot write .*out: No space left on device"),
    ],
)
def test_a_failed_export_leaves_nothing_behind(
    exporter, trained, framework, tmp_path, monkeypatch, failure, error, message
):
    monkeypatch.setattr(exporter, "save", partial(failure, exporter, exporter.save))
    with pytest.raises(error, match=message):
        export_native(str(trained), framework, tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_a_folder_with_files_is_not_replaced(exporter, trained, framework, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with pytest.raises(RunError, match=r"out\b"):
        export_native(str(trained), framework, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "mine").read_text() == "kept"


def test_a_place_that_cannot_be_written_is_an_os_error(fw, exporter, tmp_path):
    (tmp_path / "file").touch()
    model = built(fw, DEPTHWISE, (7, 6, 1), random_weights(DEPTHWISE, (7, 6, 1)))
    with pytest.raises(OSError, match=r".+") as raised:
        exporter.save(model, (7, 6, 1), tmp_path / "file" / "saved", "{}")
    assert raised.value.strerror


def test_files_of_jax_require_flatbuffers(fw, exporter, framework, tmp_path, monkeypatch):
    if framework != "jax":
        pytest.skip("only files of JAX are flatbuffers")
    model = built(fw, DEPTHWISE, (7, 6, 1), random_weights(DEPTHWISE, (7, 6, 1)))
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    monkeypatch.delitem(sys.modules, "jax._src.export.serialization", raising=False)
    with monkeypatch.context() as patch:
        patch.delattr("jax._src.export.serialization", raising=False)
        with pytest.raises(ExportError, match=r"pip install 'hardmax\[export\]'"):
            exporter.save(model, (7, 6, 1), tmp_path / "saved", "{}")


def test_a_run_of_mxnet_is_exported_in_another_framework(trained, framework, python):
    if framework != "mxnet":
        pytest.skip("a test of runs that were trained with MXNet")
    beside = {*trained.parent.iterdir()}
    with pytest.raises(ExportError, match="export it to torch, jax or tensorflow"):
        export_native(str(trained), "mxnet")
    assert {*trained.parent.iterdir()} == beside
    need("torch")
    # In a process of its own, because two frameworks in one disturb each other.
    printed = python(f"""
from hardmax.export.native import export_native
print(export_native({str(trained)!r}, "torch").checked)
""")
    assert printed.startswith("359 test examples: all labels are equal")
    assert (trained.parent / "run.pt2").is_file()
