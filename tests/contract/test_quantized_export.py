"""``hardmax export --quantize``: ONNX files that compute in 8-bit integers."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from sklearn.metrics import accuracy_score
from support import SOFTMAX, mixed_table, noise, refused

from hardmax.data.datasets import Images
from hardmax.data.images.digits import load_digits
from hardmax.export import quantization
from hardmax.runs.run import Run

pytestmark = pytest.mark.shared

#: The bytes that are saved for each weight, at least; each channel has scales as well.
SAVED = 2.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quantized")


@pytest.fixture(scope="module")
def exported(run):
    """What the quantized export of a convolutional network printed, as JSON."""
    options = ("--widths", "32", "--epochs", 4, "--no-baselines")
    done = run("train", "digits", "--model", "small-resnet", *options, "--out", "digits")
    assert done.returncode == 0, done.stderr
    assert run("export", "digits", "--out", "float.onnx").returncode == 0
    done = run("export", "digits", "--quantize", "int8", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_accuracy_and_the_size_are_those_of_the_file(folder, exported):
    assert exported["bytes"] == (folder / "digits.onnx").stat().st_size
    assert exported["float32_bytes"] == (folder / "float.onnx").stat().st_size
    saved = exported["float32_bytes"] - exported["bytes"]
    assert saved > SAVED * Run.open(folder / "digits").weight_count
    test = load_digits().test
    names = ["label", "probabilities"]
    (labels, found), (expected_labels, expected) = (
        ort.InferenceSession(folder / name).run(names, {"images": test.images})
        for name in ("digits.onnx", "float.onnx")
    )
    classes = [*map(str, range(10))]
    truth = [classes[label] for label in test.labels]
    checked = exported["checked"]
    assert checked["examples"] == len(test)
    assert checked["labels"] == (labels == expected_labels).sum()
    assert checked["accuracy"] == pytest.approx(accuracy_score(truth, labels))
    assert checked["run_accuracy"] == pytest.approx(accuracy_score(truth, expected_labels))
    assert checked["run_accuracy"] > 0.9
    difference = np.abs(found - expected).max()
    assert checked["difference"] == pytest.approx(difference, abs=1e-5)
    assert 1e-4 < difference < 0.3
    metadata = ort.InferenceSession(folder / "digits.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(metadata["quantization"]) == {"type": "int8", **checked}
    assert json.loads(metadata["classes"]) == classes


@pytest.mark.usefixtures("exported")
def test_the_file_is_valid_and_only_its_network_is_quantized(folder):
    model, exact = (onnx.load(folder / name) for name in ("digits.onnx", "float.onnx"))
    onnx.checker.check_model(model)
    assert model.opset_import == exact.opset_import
    assert model.ir_version == exact.ir_version
    assert [*model.graph.input] == [*exact.graph.input]
    assert [*model.graph.output] == [*exact.graph.output]
    large = {one.data_type for one in model.graph.initializer if np.prod(one.dims) > 1000}
    assert large == {onnx.TensorProto.INT8}
    session = ort.InferenceSession(folder / "digits.onnx")
    sizes = [noise(2, 21, 30, 3), noise(2, 8, 8, 4)]
    for images in sizes:
        (found,), (expected,) = (
            one.run(["probabilities"], {"images": images})
            for one in (session, ort.InferenceSession(folder / "float.onnx"))
        )
        np.testing.assert_allclose(found, expected, atol=0.3)


@pytest.mark.usefixtures("exported")
def test_other_data_checks_the_file_but_does_not_change_it(folder, run):
    generator = np.random.default_rng(0)
    images = load_digits().test.images
    labels = generator.integers(0, 10, len(images)).astype(str)
    arrays = {"X": images, "y": labels, "X_test": images // 4, "y_test": labels}
    np.savez(folder / "dark.npz", **arrays)
    options = ("--data", "dark.npz", "--out", "dark.onnx", "--json")
    done = run("export", "digits", "--quantize", "int8", *options)
    assert done.returncode == 0, done.stderr
    checked = json.loads(done.stdout)["checked"]
    session = ort.InferenceSession(folder / "dark.onnx")
    found = session.run(["label"], {"images": images // 4})[0]
    assert checked["accuracy"] == pytest.approx(accuracy_score(labels, found))
    graphs = [onnx.load(folder / name).graph for name in ("digits.onnx", "dark.onnx")]
    assert graphs[0] == graphs[1]


def test_training_images_that_have_been_moved_are_given_by_an_option(hardmax, tmp_path):
    labels = np.arange(200) % 3
    images = noise(200, 8, 8, 1) // 4
    images[np.arange(200), labels] = 250
    np.savez(tmp_path / "images.npz", X=images, y=labels)
    np.savez(tmp_path / "other.npz", X=images[:50] // 2, y=labels[:50])
    options = ("--model", "mlp", "--epochs", 2, "--no-baselines", "--out", "run")
    assert hardmax("train", "images.npz", *options).returncode == 0
    (tmp_path / "images.npz").rename(tmp_path / "moved.npz")
    done = hardmax("export", "run", "--quantize", "int8", "--data", "other.npz")
    refused(done, "images.npz", "quantized on its training images", "--data DATA")
    assert hardmax("export", "run", "--quantize", "int8", "--data", "moved.npz").returncode == 0
    assert (tmp_path / "run.onnx").exists()


@pytest.mark.usefixtures("exported")
def test_the_figures_are_printed(folder, run):
    done = run("export", "digits", "--quantize", "int8", "--out", "again.onnx")
    assert done.returncode == 0, done.stderr
    printed = " ".join(done.stdout.split())
    assert printed.startswith(f"checked on {len(load_digits().test)} test examples: accuracy 0.")
    assert " that of the run 0.9" in printed
    assert printed.endswith(" in float32)")
    # The same images and weights give the same file.
    assert (folder / "again.onnx").read_bytes() == (folder / "digits.onnx").read_bytes()


@pytest.mark.usefixtures("exported")
def test_a_file_that_loses_accuracy_is_not_written(folder, run, monkeypatch):
    monkeypatch.setattr(quantization, "spaced", _black)
    before = (folder / "digits.onnx").read_bytes()
    done = run("export", "digits", "--quantize", "int8")
    refused(done, "loses too much accuracy", "more than 0.02", "that of the run 0.9", "export it")
    assert (folder / "digits.onnx").read_bytes() == before


def _black(examples, most):
    """Return examples whose ranges are not those of real ones."""
    return Images(np.zeros_like(examples.inputs[:most]), examples.labels[:most])


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("digits", "--quantize", "int4"), ("'int4'; choose one of int8",)),
        (("digits", "--quantize", "int8", "--to", "torch"), ("--quantize is for --to onnx only",)),
        (("rows", "--quantize", "int8"), ("rows was trained on a table", "without --quantize")),
    ],
)
def test_what_cannot_be_quantized_is_refused_in_one_line(folder, run, arguments, words):
    if not (folder / "rows").exists():
        mixed_table(60).to_csv(folder / "rows.csv", index=False)
        options = ("--label", "outcome", *SOFTMAX, "--no-baselines", "--out", "rows")
        assert run("train", "rows.csv", *options).returncode == 0
    refused(run("export", *arguments), *words)
    assert not (folder / "rows.onnx").exists()
