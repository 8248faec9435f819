"""Optimizers and learning rates, compared with NumPy."""

import numpy as np
import pytest
import reference

from hardmax.networks import catalog
from hardmax.networks.initializers import initial_weights
from hardmax.training.recipes import Recipe

EPOCHS = 25
RECIPES = {
    "sgd": Recipe(0.5),
    "decay": Recipe(0.5, weight_decay=0.1),
    "momentum": Recipe(0.2, momentum=0.9),
    "everything": Recipe(0.2, "sgd", 0.9, 0.05, "cosine", 5),
    "adam": Recipe(0.01, "adam"),
    "adam with decay": Recipe(0.01, "adam", weight_decay=0.1, schedule="step"),
    "adamw": Recipe(0.01, "adamw", weight_decay=0.5),
    "adamw with warm-up": Recipe(0.01, "adamw", weight_decay=0.5, schedule="cosine", warmup=3),
}


def trained(fw, train_images, recipe, clip=0.0):
    """Return the weights before and after full-batch training."""
    shape = train_images.images.shape[1:]
    network = catalog.softmax_regression(4)
    model = fw.models.NetworkClassifier(network, shape, recipe)
    model.board.display = False
    weights = initial_weights(network, shape, 0)
    trainer = fw.Trainer(EPOCHS, gradient_clip_val=clip, seed=0)
    trainer.set_weights(model, weights)
    trainer.fit(model, fw.data.ImageData(train_images, None, len(train_images)))
    return weights, trainer.get_weights(model)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_training_follows_the_formula(fw, train_images, recipe):
    before, after = trained(fw, train_images, recipe)
    part = (train_images.images, train_images.labels)
    expected = reference.train_softmax_regression(recipe, before, *part, EPOCHS)
    for name, value in after.items():
        change = np.abs(expected[name] - before[name]).max()
        assert np.abs(value - expected[name]).max() <= 1e-4 * change, name


def test_training_with_clipped_gradients_follows_the_formula(fw, train_images):
    recipe = Recipe(0.5, momentum=0.9)
    before, after = trained(fw, train_images, recipe, clip=0.05)
    part = (train_images.images, train_images.labels)
    expected = reference.train_softmax_regression(recipe, before, *part, EPOCHS, clip=0.05)
    for name, value in after.items():
        assert np.abs(value - expected[name]).max() <= 1e-3 * np.abs(expected[name]).max(), name
