"""Optimizers and learning rates, against the formulas in NumPy."""

import numpy as np
import pytest
import reference

from hardmax.networks import catalog
from hardmax.networks.initializers import starting_weights
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
    "adamw warmed up": Recipe(0.01, "adamw", weight_decay=0.5, schedule="cosine", warmup=3),
}


def trained(fw, train_pictures, recipe, clip=0.0):
    """Return the starting weights and those after training on all pictures at once."""
    shape = train_pictures.images.shape[1:]
    network = catalog.softmax_regression(4)
    model = fw.models.NetworkClassifier(network, shape, recipe)
    model.board.display = False
    weights = starting_weights(network, shape, 0)
    trainer = fw.Trainer(EPOCHS, gradient_clip_val=clip, seed=0)
    trainer.set_weights(model, weights)
    trainer.fit(model, fw.data.PictureData(train_pictures, None, len(train_pictures)))
    return weights, trainer.get_weights(model)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_weights_move_by_the_formula(fw, train_pictures, recipe):
    before, after = trained(fw, train_pictures, recipe)
    part = (train_pictures.images, train_pictures.labels)
    right = reference.train_softmax_regression(recipe, before, *part, EPOCHS)
    for name, value in after.items():
        way = np.abs(right[name] - before[name]).max()
        assert np.abs(value - right[name]).max() <= 1e-4 * way, name


def test_clipped_gradients_move_weights_less(fw, train_pictures):
    recipe = Recipe(0.5, momentum=0.9)
    before, after = trained(fw, train_pictures, recipe, clip=0.05)
    part = (train_pictures.images, train_pictures.labels)
    right = reference.train_softmax_regression(recipe, before, *part, EPOCHS, clip=0.05)
    for name, value in after.items():
        assert np.abs(value - right[name]).max() <= 1e-3 * np.abs(right[name]).max(), name
