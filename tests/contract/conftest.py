"""The contract of all frameworks: these tests are written once and run on each."""

import importlib
from functools import partial

import numpy as np
import pytest

from hardmax.data.datasets import Images
from hardmax.networks import layers
from hardmax.networks.initializers import initial_weights
from hardmax.training.recipes import Recipe


def pytest_ignore_collect(collection_path, config):
    """Skip the tests of the book's functional edition on JAX, which it does not cover."""
    if collection_path.name == "test_functions.py" and config.getoption("--framework") == "jax":
        return True
    return None


def pytest_collection_modifyitems(config, items):
    """Run tests of framework-independent code with one framework only."""
    if config.getoption("--framework") != "torch":
        shared = [item for item in items if item.get_closest_marker("shared")]
        config.hook.pytest_deselected(items=shared)
        items[:] = [item for item in items if item not in shared]


@pytest.fixture(scope="session")
def framework(request):
    return request.config.getoption("--framework")


@pytest.fixture(scope="session")
def fw(framework):
    """The backend under test."""
    return importlib.import_module(f"hardmax.{framework}")


@pytest.fixture
def without_optimizing(framework):
    """Let JAX compile without optimizing, which takes longer than it saves in a few steps."""
    if framework != "jax":
        yield
        return
    config, name = importlib.import_module("jax").config, "jax_disable_most_optimizations"
    before = config.values[name]
    config.update(name, True)
    yield
    config.update(name, before)


SHAPE = (6, 6, 1)
CLASSES = 4


@pytest.fixture(scope="module")
def run(folder, hardmax_in):
    """A function that runs the command line in the folder of the module."""
    return partial(hardmax_in, folder)


def make_images(count, seed):
    """Return noisy images of four classes: hard enough that no accuracy is 0 or 1."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, count)
    images = generator.integers(0, 200, (count, *SHAPE), dtype=np.uint8)
    images[np.arange(count), labels] //= 2
    return Images(images, labels)


@pytest.fixture(scope="session")
def train_images():
    return make_images(203, seed=1)


@pytest.fixture(scope="session")
def val_images():
    return make_images(58, seed=2)


@pytest.fixture
def make_data(fw, train_images, val_images):
    """A function that returns the images in batches; the last batch of each part is shorter."""

    def make(batch_size=16):
        return fw.data.ImageData(train_images, val_images, batch_size)

    return make


@pytest.fixture
def make_model(fw):
    """A function that returns an MLP of a class, or another network, with fixed weights."""

    def make(cls=None, seed=0, lr=0.3, network=None, recipe=None):
        network = network or (
            layers.Flatten(),
            layers.Linear(12),
            layers.Activation("relu"),
            layers.Linear(CLASSES),
        )
        model = (cls or fw.models.NetworkClassifier)(network, SHAPE, recipe or Recipe(lr))
        weights = initial_weights(network, SHAPE, seed)
        fw.Trainer(1).set_weights(model, {name: 30 * value for name, value in weights.items()})
        return model

    return make


@pytest.fixture
def fit(fw, make_data, make_model):
    """A function that trains a model on the images and returns its trainer."""

    def run(model=None, data=None, epochs=2, **settings):
        trainer = fw.Trainer(epochs, **{"seed": 0, **settings})
        trainer.fit(model or make_model(), data or make_data())
        return trainer

    return run
