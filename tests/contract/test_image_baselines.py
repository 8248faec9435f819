"""The baselines of images: the most frequent class, and softmax regression on the pixels."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression

from hardmax.data import mapped
from hardmax.data.datasets import Dataset, Images
from hardmax.runs import image_baselines
from hardmax.runs.baselines import fit_baselines
from hardmax.runs.run import Run
from hardmax.runs.settings import Settings

NAMES = ["most frequent class", "softmax regression"]
MLP = ("--model", "mlp", "--hidden", 8, "--dropout", 0.2, "--epochs", 2, "--lr", 1e-3)


def images(count, seed, shape=(8, 8, 3)):
    """Return noisy images of three classes, the first as frequent as the others together.

    The class is a pattern of brightness, and some labels are wrong.
    """
    generator = np.random.default_rng(seed)
    labels = generator.choice(3, count, p=[0.5, 0.25, 0.25])
    patterns = np.random.default_rng(0).uniform(-30, 30, (3, *shape))
    pixels = 120 + patterns[labels] + generator.normal(0, 60, (count, *shape))
    wrong = generator.random(count) < 0.1
    return Images(
        np.clip(pixels, 0, 255).astype(np.uint8), np.where(wrong, (labels + 1) % 3, labels)
    )


@pytest.fixture(scope="module")
def dataset():
    return Dataset("patterns", images(1500, 1), images(600, 2), ("a", "b", "c"))


@pytest.fixture(scope="module")
def found(framework, dataset):
    return fit_baselines(dataset, Settings(data="patterns", framework=framework))


def test_softmax_regression_is_as_good_as_that_of_scikit_learn(dataset, found):
    frequent, softmax = found
    assert [one.name for one in found] == NAMES
    assert (frequent.rows, frequent.features) == (1500, 0)
    assert (softmax.rows, softmax.features) == (1500, 8 * 8 * 3)
    train, test = dataset.train, dataset.test
    shares = np.bincount(train.labels) / 1500
    assert frequent.is_correct.tolist() == (test.labels == shares.argmax()).tolist()
    assert frequent.loss == pytest.approx(-np.log(shares[test.labels]).mean())
    model = LogisticRegression(max_iter=500)
    model.fit(train.inputs.reshape(1500, -1) / 255, train.labels)
    pixels = test.inputs.reshape(600, -1) / 255
    assert frequent.is_correct.mean() < 0.6
    assert softmax.is_correct.mean() > model.score(pixels, test.labels)
    chosen = model.predict_proba(pixels)[np.arange(600), test.labels]
    assert softmax.loss < -np.log(chosen).mean()


def test_the_same_data_gives_the_same_numbers(framework, dataset, found):
    settings = Settings(data="patterns", framework=framework, seed=5)
    again = fit_baselines(dataset, settings)[1]
    assert (again.loss, again.is_correct.tolist()) == (found[1].loss, found[1].is_correct.tolist())


@pytest.mark.shared
def test_images_in_a_file_are_streamed(framework, dataset, found, tmp_path, monkeypatch):
    pixels = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=dataset.train.inputs.shape)
    pixels[:] = dataset.train.inputs
    monkeypatch.setattr(mapped, "LARGE", 2**16)
    train = Images(pixels, dataset.train.labels)
    assert mapped.stays_in_file(train.inputs)
    streamed = Dataset("patterns", train, dataset.test, dataset.classes)
    again = fit_baselines(streamed, Settings(data="patterns", framework=framework))[1]
    assert again.loss == pytest.approx(found[1].loss, rel=1e-5)


@pytest.mark.shared
def test_images_of_one_color_are_no_obstacle(framework):
    train = Images(np.full((40, 4, 4, 1), 7, np.uint8), np.arange(40) % 2)
    black = Dataset("black", train, train, ("a", "b"))
    assert [one.is_correct.mean() for one in fit_baselines(black, Settings(data="black"))] == [
        0.5
    ] * 2


@pytest.mark.shared
def test_a_part_of_many_images_is_enough(framework, dataset, found, monkeypatch):
    monkeypatch.setattr(image_baselines, "VALUES", 3 * 1000 * 8 * 8 * 3)
    part = fit_baselines(dataset, Settings(data="patterns", framework=framework))[1]
    assert part.rows == 1000
    assert part.is_correct.mean() > found[1].is_correct.mean() - 0.05


@pytest.mark.shared
def test_too_many_weights_are_a_notice(framework, dataset, monkeypatch):
    monkeypatch.setattr(image_baselines, "MOST_WEIGHTS", 500)
    notices = []
    left = fit_baselines(dataset, Settings(data="patterns", framework=framework), notices.append)
    assert [one.name for one in left] == NAMES[:1]
    (notice,) = notices
    assert "softmax regression (it has 576 weights, and 500 are the most)" in notice


@pytest.fixture
def data(dataset, tmp_path):
    train, test = dataset.train, dataset.test
    arrays = {"X": train.inputs, "y": train.labels, "X_test": test.inputs, "y_test": test.labels}
    np.savez(tmp_path / "patterns.npz", **arrays)


@pytest.mark.usefixtures("data")
def test_a_training_on_images_is_compared_with_its_baselines(hardmax, framework, tmp_path, found):
    command = ("train", "patterns.npz", "--framework", framework, *MLP)
    summary = json.loads(hardmax(*command, "--out", "run", "--json").stdout)
    records = summary["baselines"]
    assert [one["name"] for one in records] == NAMES
    assert records == Run.open(tmp_path / "run").record["results"]["baselines"]
    for one, baseline in zip(records, found, strict=True):
        assert one["accuracy"] == pytest.approx(baseline.is_correct.mean())
        assert one["loss"] == pytest.approx(baseline.loss)
        difference = one["only_network"] - one["only_baseline"]
        assert difference == summary["test"]["correct"] - baseline.is_correct.sum()
        discordant = one["only_network"] + one["only_baseline"]
        p = binomtest(one["only_network"], discordant).pvalue if discordant else 1
        assert one["p"] == pytest.approx(p)
    # A poor network: the comparison says so.
    assert records[1]["only_baseline"] > records[1]["only_network"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "softmax regression classifies " in page
    assert "softmax regression on the pixels, trained" in page
    # The training is the same without them, dropout included.
    done = hardmax(*command, "--no-baselines", "--out", "other", "--json")
    other = json.loads(done.stdout)
    assert (other["baselines"], other["test"]) == ([], summary["test"])


@pytest.mark.shared
@pytest.mark.usefixtures("data")
def test_softmax_regression_has_no_baseline_of_itself(hardmax, framework):
    command = ("train", "patterns.npz", "--framework", framework, "--epochs", 2)
    done = hardmax(*command, "--model", "softmax-regression", "--out", "run")
    assert done.returncode == 0, done.stderr
    lines = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert NAMES[0] in lines
    assert NAMES[1] not in lines
    said = " ".join(done.stdout.split())
    assert "test examples correctly than most frequent class" in said
