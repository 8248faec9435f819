"""Augmented batches and trainings, compared with NumPy and SciPy."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from support import SOFTMAX, noise, save

from hardmax.data.datasets import Images
from hardmax.data.images.augmentation import (
    AUGMENTATIONS,
    BOX,
    COLOR,
    COLUMNS,
    ROWS,
    SHARE,
    Augmentation,
)
from hardmax.data.sampling import order
from hardmax.networks import layers
from hardmax.networks.initializers import initial_weights
from hardmax.training.recipes import Recipe
from hardmax.training.streaming import StreamedLoader

SEED = 3
NETWORKS = {
    "mlp": (layers.Flatten(), layers.Linear(6), layers.Activation("tanh"), layers.Linear(4)),
    "convolutions": (layers.Conv(4, 3), layers.BatchNorm(), layers.GlobalPool(), layers.Linear(4)),
}


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(1)
    pixels = generator.integers(0, 256, (70, 29, 15, 3), dtype=np.uint8)
    return Images(pixels, generator.integers(0, 4, 70))


@pytest.fixture(scope="module")
def with_larger(images):
    """The same, with larger images that have other pixels."""
    pixels = np.random.default_rng(2).integers(0, 256, (70, 41, 20, 3), dtype=np.uint8)
    return replace(images, larger=pixels)


@pytest.fixture
def data(fw, images):
    """A function that returns the images in batches, augmented for training."""

    def make(*augment, train=images):
        return fw.data.ImageData(train, images, 16, augment=augment)

    return make


def drawn(images, names, epoch):
    """Return the changes of the images of an epoch, float64, in its order."""
    source = images.enlarged.images.shape[1:3]
    changes = Augmentation(names, *images.images.shape[1:3], source).draw(len(images), SEED, epoch)
    return changes[order(len(images), SEED, epoch)].astype(float)


def expected(images, names, epoch):
    """Return the images of an epoch in its order, float64 in [0, 1], interpolated by SciPy."""
    in_order = images.enlarged.images[order(len(images), SEED, epoch)] / 255
    changes, size = drawn(images, names, epoch), images.images.shape[1:3]
    changed = np.stack([_changed(*one, size) for one in zip(in_order, changes, strict=True)])
    if "mixup" in names:
        own = changes[:, SHARE].reshape(-1, 1, 1, 1)
        changed = own * changed + (1 - own) * changed[_partners(len(images))]
    return changed


def _changed(image, change, size):
    """Return an image changed by itself, one step after the other."""
    channels, moves = np.moveaxis(image, -1, 0), (*change[ROWS], *change[COLUMNS])
    image = np.stack([_moved(one, size, *moves) for one in channels], axis=-1)
    own, gray, flat = change[COLOR]
    luma = np.dot(image, [0.299, 0.587, 0.114] if len(channels) == 3 else [1])
    image = np.clip(own * image + (gray * luma + flat * luma.mean())[..., np.newaxis], 0, 1)
    # What lies outside of the image is no index.
    top, bottom, left, right = np.maximum(change[BOX], 0).astype(int)
    mean = image.mean(axis=(0, 1))
    image[top:bottom, left:right] = mean
    return image


def _partners(count, size=16):
    """Return the position that each image of an epoch is mixed with: that in its batch reversed."""
    batches = (np.arange(at, min(at + size, count)) for at in range(0, count, size))
    return np.concatenate([batch[::-1] for batch in batches])


def _moved(image, size, first_row, between_rows, first_column, between_columns):
    rows = first_row + between_rows * np.arange(size[0])
    columns = first_column + between_columns * np.arange(size[1])
    return map_coordinates(image, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="mirror")


def pixels_of(fw, batches, images):
    """Return the pixels of batches, channels last, and their labels."""
    X, y = (np.concatenate([fw.numpy(one) for one in part]) for part in zip(*batches, strict=True))
    channels_last = X.shape[1:] == images.images.shape[1:]
    return (X if channels_last else np.moveaxis(X, 1, -1)), y


def streamed(module, images):
    """Return the training batches of a data module, whose images are read when needed."""
    in_memory = module.train_dataloader()
    labels = module.weighted_labels[True]
    loader = StreamedLoader(images, 16, True, module.one_batch, weighted_labels=labels)
    loader.augmentation = in_memory.augmentation
    return loader


NAMES = [("flip",), ("shift", "flip"), ("crop",), ("color",), ("cutout",), ("mixup",)]


@pytest.mark.parametrize("names", [*NAMES, AUGMENTATIONS])
@pytest.mark.parametrize("in_memory", [True, False])
def test_training_batches_are_changed_as_drawn(fw, data, images, names, in_memory):
    module = data(*names)
    loader = module.train_dataloader() if in_memory else streamed(module, images)
    loader.seed = SEED
    for epoch in range(2):
        X, y = pixels_of(fw, [*loader], images)
        assert X.dtype == np.float32
        np.testing.assert_allclose(X, expected(images, names, epoch), atol=1e-5)
        labels = images.labels[order(70, SEED, epoch)]
        if "mixup" not in names:
            np.testing.assert_array_equal(y, labels)
            continue
        np.testing.assert_array_equal(y[:, 0, 0], labels)
        np.testing.assert_array_equal(y[:, 1, 0], labels[_partners(70)])
        own = drawn(images, names, epoch)[:, SHARE]
        np.testing.assert_allclose(y[:, 0, 1:], np.tile(own, 2), atol=1e-6)
        np.testing.assert_allclose(y[:, 1, 1:], np.tile(1 - own, 2), atol=1e-6)


@pytest.mark.parametrize("names", [("crop",), AUGMENTATIONS])
@pytest.mark.parametrize("in_memory", [True, False])
def test_crops_are_cut_from_larger_images(fw, data, with_larger, names, in_memory):
    module = data(*names, train=with_larger)
    loader = module.train_dataloader()
    if not in_memory:
        loader = streamed(module, with_larger.enlarged)
    loader.seed = SEED
    for epoch in range(2):
        X, _ = pixels_of(fw, [*loader], with_larger)
        np.testing.assert_allclose(X, expected(with_larger, names, epoch), atol=1e-5)
    # A model is built for the size of the batches.
    (X,), _ = pixels_of(fw, [[one[:1] for one in loader.peek()]], with_larger)
    whole = _changed(
        with_larger.larger[0] / 255,
        Augmentation(("crop",), 29, 15, (41, 20)).unchanged(1)[0],
        (29, 15),
    )
    np.testing.assert_allclose(X, whole, atol=1e-5)


def test_only_crops_use_larger_images(fw, data, with_larger, images):
    module = data("flip", train=with_larger)
    loader = module.train_dataloader()
    loader.seed = SEED
    X, _ = pixels_of(fw, [*loader], images)
    np.testing.assert_allclose(X, expected(images, ("flip",), 0), atol=1e-5)


def test_mixup_multiplies_the_weights_of_losses(fw, images):
    weights = np.random.default_rng(0).uniform(0.5, 1.5, 70)
    module = fw.data.ImageData(images, None, 16, loss_weights=weights, augment=("mixup",))
    loader = module.train_dataloader()
    loader.seed = SEED
    _, y = pixels_of(fw, [*loader], images)
    own, in_order = drawn(images, ("mixup",), 0)[:, SHARE.start], weights[order(70, SEED, 0)]
    np.testing.assert_allclose(y[:, 0, 1], own * in_order, atol=1e-5)
    np.testing.assert_allclose(y[:, 1, 1], (1 - own) * in_order[_partners(70)], atol=1e-5)
    np.testing.assert_allclose(y[:, :, 2].sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 8, 1), (9, 1, 3), (1, 1, 1), (2, 2, 3)])
def test_the_smallest_images_keep_their_brightness(fw, shape):
    images = Images(np.full((20, *shape), 200, np.uint8), np.zeros(20, int))
    names = [name for name in AUGMENTATIONS if name != "color"]
    loader = fw.data.ImageData(images, None, 8, augment=(*names,)).train_dataloader()
    X, _ = pixels_of(fw, [*loader], images)
    np.testing.assert_allclose(X, 200 / 255, rtol=1e-6)


def test_validation_batches_are_not_changed(fw, data, images):
    module = data(*AUGMENTATIONS)
    next(iter(module.train_dataloader()))
    X, _ = pixels_of(fw, [*module.val_dataloader()], images)
    np.testing.assert_allclose(X, images.images / 255, atol=1e-7)


@pytest.mark.parametrize("by_steps", [False, True])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_training_is_that_on_the_changed_images(fw, data, images, network, by_steps):
    names = ("flip", "shift")
    changed = np.rint(255 * expected(images, names, 0)).astype(np.uint8)
    in_place = np.empty_like(changed)
    in_place[order(70, SEED, 0)] = changed
    others = data(train=Images(in_place, images.labels))
    found, wanted, unchanged = (
        _trained(fw, network, module, by_steps) for module in (data(*names), others, data())
    )
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)
    assert any(abs(unchanged[name] - value).max() > 1e-3 for name, value in wanted.items())


@pytest.mark.parametrize("by_steps", [False, True])
def test_training_on_crops_of_larger_images_is_that_on_the_crops(fw, data, images, by_steps):
    """Each larger image has the pixels of a small one four times, and is cropped to it."""
    larger = images.images.repeat(2, axis=1).repeat(2, axis=2)
    with_larger = replace(images, images=np.zeros_like(images.images), larger=larger)
    network = NETWORKS["mlp"]
    changed = expected(with_larger, ("crop",), 0)
    in_place = np.empty_like(images.images)
    in_place[order(70, SEED, 0)] = np.rint(255 * changed)
    others = data(train=Images(in_place, images.labels))
    found = _trained(fw, network, data("crop", train=with_larger), by_steps)
    for name, value in _trained(fw, network, others, by_steps).items():
        # The others are rounded to bytes.
        np.testing.assert_allclose(found[name], value, atol=2e-3)


@pytest.mark.parametrize("by_steps", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_training_with_mixup_is_that_on_the_labels_of_both(fw, data, images, by_steps, smoothing):
    """The weights after a step are those of NumPy's gradients of the mixed cross-entropy."""
    module = fw.data.ImageData(images, images, 70, augment=("mixup",))
    network = (layers.Flatten(), layers.Linear(4))
    found = _trained(fw, network, module, by_steps, smoothing)
    start = initial_weights(network, (29, 15, 3), 0, "he")
    X = images.images[order(70, SEED, 0)] / 255
    own = drawn(images, ("mixup",), 0)[:, SHARE]
    X = (own * X.reshape(70, -1) + (1 - own) * X.reshape(70, -1)[::-1]).reshape(70, *X.shape[1:])
    one_hot = np.eye(4)[images.labels[order(70, SEED, 0)]]
    targets = own * one_hot + (1 - own) * one_hot[::-1]
    targets = (1 - smoothing) * targets + smoothing / 4
    name = next(name for name, value in start.items() if value.ndim == 2)
    X = X.transpose(0, 3, 1, 2).reshape(70, -1)
    scores = X @ start[name].T
    errors = np.exp(scores - scores.max(axis=1, keepdims=True))
    errors = errors / errors.sum(axis=1, keepdims=True) - targets
    np.testing.assert_allclose(found[name], start[name] - 0.3 * errors.T @ X / 70, atol=2e-5)


def _trained(fw, network, module, by_steps, smoothing=0.0):
    """Return the weights after an epoch."""
    shape = (29, 15, 3)
    model = fw.models.NetworkClassifier(network, shape, Recipe(0.3, label_smoothing=smoothing))
    model.board.display = False

    class Stepwise(fw.Trainer):
        def prepare_batch(self, batch):
            return super().prepare_batch(batch)

    trainer = (Stepwise if by_steps else fw.Trainer)(1, seed=SEED)
    trainer.set_weights(model, initial_weights(network, shape, 0, "he"))
    trainer.fit(model, module)
    assert trainer.uses_engine != by_steps
    return trainer.get_weights(model)


@pytest.mark.parametrize("option", ["--validation", "--folds"])
def test_a_run_on_crops_of_files_is_evaluated_on_whole_images(
    hardmax, framework, tmp_path, monkeypatch, option
):
    monkeypatch.setenv("HARDMAX_CACHE", str(tmp_path / "cache"))
    for i in range(40):
        save(tmp_path / "data" / "ab"[i % 2] / f"{i}.png", noise(12, 12, seed=i) // 2 + i % 2 * 99)
    options = ("--framework", framework, *SOFTMAX, "--epochs", 2, "--size", 8, "--augment", "crop")
    value = {"--validation": 0.25, "--folds": 2}[option]
    done = hardmax("train", "data", *options, option, value, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert "crops are cut from the training images as 11 x 11" in done.stderr
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["data"]["shape"] == [8, 8, 1]
    found = json.loads(hardmax("evaluate", "run", "--json").stdout)
    assert found["accuracy"] == record["results"]["test"]["accuracy"]
    assert found["loss"] == pytest.approx(record["results"]["test"]["loss"], rel=1e-5)
