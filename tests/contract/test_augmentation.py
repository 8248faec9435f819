"""Augmented batches and trainings, compared with NumPy and SciPy."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from hardmax.data.datasets import Images
from hardmax.data.images.augmentation import AUGMENTATIONS, Augmentation
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


@pytest.fixture
def data(fw, images):
    """A function that returns the images in batches, augmented for training."""

    def make(*augment, train=images):
        return fw.data.ImageData(train, images, 16, augment=augment)

    return make


def expected(images, names, epoch):
    """Return the images of an epoch in its order, float64 in [0, 1], interpolated by SciPy."""
    height, width = images.images.shape[1:3]
    changes = Augmentation(names, height, width).draw(len(images), SEED, epoch)
    changed = [
        np.stack([_moved(channel, *change) for channel in np.moveaxis(image, -1, 0)], axis=-1)
        for image, change in zip(images.images / 255, changes.astype(float), strict=True)
    ]
    return np.stack(changed)[order(len(images), SEED, epoch)]


def _moved(image, first_row, between_rows, first_column, between_columns):
    rows = first_row + between_rows * np.arange(image.shape[0])
    columns = first_column + between_columns * np.arange(image.shape[1])
    return map_coordinates(image, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="mirror")


def pixels_of(fw, batches, images):
    """Return the pixels of batches, channels last, and their labels."""
    X, y = (np.concatenate([fw.numpy(one) for one in part]) for part in zip(*batches, strict=True))
    channels_last = X.shape[1:] == images.images.shape[1:]
    return (X if channels_last else np.moveaxis(X, 1, -1)), y


@pytest.mark.parametrize("names", [("flip",), ("shift", "flip"), ("crop",), AUGMENTATIONS])
@pytest.mark.parametrize("in_memory", [True, False])
def test_training_batches_are_changed_as_drawn(fw, data, images, names, in_memory):
    module = data(*names)
    loader = module.train_dataloader()
    if not in_memory:
        loader = StreamedLoader(images, 16, shuffle=True, hold=module.one_batch)
        loader.augmentation = module.train_dataloader().augmentation
    loader.seed = SEED
    for epoch in range(2):
        X, y = pixels_of(fw, [*loader], images)
        assert X.dtype == np.float32
        np.testing.assert_allclose(X, expected(images, names, epoch), atol=1e-5)
        np.testing.assert_array_equal(y, images.labels[order(70, SEED, epoch)])


@pytest.mark.parametrize("shape", [(1, 8, 1), (9, 1, 3), (1, 1, 1), (2, 2, 3)])
def test_the_smallest_images_keep_their_brightness(fw, shape):
    images = Images(np.full((20, *shape), 200, np.uint8), np.zeros(20, int))
    loader = fw.data.ImageData(images, None, 8, augment=AUGMENTATIONS).train_dataloader()
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


def _trained(fw, network, module, by_steps):
    """Return the weights after an epoch."""
    shape = (29, 15, 3)
    model = fw.models.NetworkClassifier(network, shape, Recipe(0.3))
    model.board.display = False

    class Stepwise(fw.Trainer):
        def prepare_batch(self, batch):
            return super().prepare_batch(batch)

    trainer = (Stepwise if by_steps else fw.Trainer)(1, seed=SEED)
    trainer.set_weights(model, initial_weights(network, shape, 0, "he"))
    trainer.fit(model, module)
    assert trainer.uses_engine != by_steps
    return trainer.get_weights(model)
