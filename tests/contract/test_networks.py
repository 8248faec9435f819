"""Networks built by a framework, compared with NumPy: scores, statistics and one step."""

import numpy as np
import pytest
import reference
from example_networks import CLASSES, EVERY_LAYER, NORMED, SHORT, random_weights

from hardmax.data.datasets import Images
from hardmax.errors import RunError
from hardmax.networks import catalog
from hardmax.networks.shapes import weight_shapes
from hardmax.training.recipes import Recipe

#: The networks that are built and trained in seconds; the others have slow tests.
SMALL = ("softmax-regression", "mlp", "lenet", "lenet-modern")
#: Rounding errors grow more in these than in others, which have fewer layers or shorter shortcuts.
OF_MOBILES = ("mobilenetv2", "efficientnet-lite0")
WITH_DROPOUT = ("alexnet", "vgg11", "nin", *OF_MOBILES)
#: The networks that take images; test_realmlp.py has the other one.
OF_IMAGES = tuple(name for name in catalog.NETWORKS if name != "realmlp")
#: Those that leave out layers for images as small as those of Fashion-MNIST.
SHORTENED = ("alexnet", "vgg11", "nin", "densenet")
#: Those that are compared in one framework only, because in all frameworks others have their
#: blocks, in other numbers; test_pretrained.py compares the scores of EfficientNet-Lite0 in each.
OF_KNOWN_BLOCKS = ("vgg11", "resnet34", "resnet50", "efficientnet-lite0")


def images(shape, count=8):
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (count, *shape), dtype=np.uint8)
    return Images(images, generator.integers(0, CLASSES, count))


@pytest.fixture
def build(fw):
    """A function that returns a network's model with random weights, and the weights."""

    def make(network, shape, recipe=None, init="he"):
        model = fw.models.NetworkClassifier(network, shape, recipe or Recipe(0.01))
        model.board.display = False
        weights = random_weights(network, shape, init)
        fw.Trainer(1).set_weights(model, weights)
        return model, weights

    return make


def check_scores(fw, model, weights, network, shape, batch_size=3, tolerance=1e-5):
    part = images(shape, 3)
    loader = fw.data.ImageData(None, part, batch_size).val_dataloader()
    scores = fw.Trainer(1).scores(model, loader)
    expected = reference.scores(network, weights, part.images)
    assert np.abs(scores - expected).max() <= tolerance * np.abs(expected).max()


def fit_one_step(fw, model, shape):
    """Train for one step; return the loss before it and all weights after it."""
    part = images(shape)
    trainer = fw.Trainer(1, seed=0)
    trainer.fit(model, fw.data.ImageData(part, None, len(part)))
    return trainer.history[0]["train_loss"], trainer.get_weights(model)


def check_step(weights, network, shape, loss, after):
    part = images(shape)
    forward = reference.Forward(weights, training=True)
    out = forward.run(network, np.moveaxis(part.images / 255, -1, 1))
    assert loss == pytest.approx(reference.cross_entropy(out, part.labels), rel=1e-4)
    for name in [name for name in weights if "running" in name and name not in forward.seen]:
        assert np.array_equal(after[name], weights[name]), name
    for name, seen in forward.seen.items():
        expected = 0.9 * weights[name] + 0.1 * seen
        assert np.abs(after[name] - expected).max() <= 1e-4 * np.abs(expected).max(), name


@pytest.mark.parametrize("network", [EVERY_LAYER, SHORT], ids=["every layer", "short"])
def test_every_layer_follows_its_formula(fw, build, network):
    shape = (15, 13, 2)
    model, weights = build(network, shape)
    check_scores(fw, model, weights, network, shape, batch_size=2)
    loss, after = fit_one_step(fw, model, shape)
    if network is EVERY_LAYER:
        check_step(weights, network, shape, loss, after)
    assert after.keys() == weights.keys() == weight_shapes(network, shape).keys()
    check_scores(fw, model, after, network, shape)


@pytest.mark.parametrize("name", SMALL)
def test_small_networks_agree_with_numpy_and_train_one_step(fw, build, name):
    check_network(fw, build, name, (28, 28, 1))


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", SHORTENED)
def test_networks_without_some_of_their_layers_agree_with_numpy(fw, build, name):
    check_network(fw, build, name, (28, 28, 1))


@pytest.mark.slow
@pytest.mark.usefixtures("without_optimizing")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.shared) if name in OF_KNOWN_BLOCKS else name
        for name in OF_IMAGES
    ],
)
def test_networks_for_color_images_agree_with_numpy_and_train_one_step(fw, build, name):
    """Of a size for which all have all of their layers, and halves of odd and even sizes."""
    check_network(fw, build, name, (72, 72, 3))


def check_network(fw, build, name, shape):
    """Compare scores and, without dropout, a training step with those of NumPy."""
    network = catalog.make(name, shape, CLASSES)
    init = catalog.NETWORKS[name].init
    model, weights = build(network, shape, init="xavier" if init == "data" else init)
    tolerance = 5e-5 if name in OF_MOBILES else 1e-5
    check_scores(fw, model, weights, network, shape, tolerance=tolerance)
    loss, after = fit_one_step(fw, model, shape)
    assert np.isfinite(loss)
    assert all(np.isfinite(value).all() for value in after.values())
    last = f"{len(network) - 1}.bias"
    if last in after:
        assert not np.array_equal(after[last], weights[last])
    if name not in WITH_DROPOUT:
        check_step(weights, network, shape, loss, after)


def test_weights_round_trip(fw, build):
    model, weights = build(EVERY_LAYER, (15, 13, 2))
    got = fw.Trainer(1).get_weights(model)
    assert [*got] == [*weights]
    assert all(np.array_equal(got[name], weights[name]) for name in weights)


def test_weights_that_do_not_fit_are_refused_by_name_and_shape(fw, build):
    model, weights = build(EVERY_LAYER, (15, 13, 2))
    wrong = weights | {"15.body.0.weight": np.zeros((8, 5, 3, 3), np.float32)}
    with pytest.raises(RunError, match=r"15\.body\.0\.weight must have shape \(8, 6, 3, 3\), got"):
        fw.Trainer(1).set_weights(model, wrong)
    got = fw.Trainer(1).get_weights(model)
    assert all(np.array_equal(got[name], weights[name]) for name in weights)


def test_the_last_batch_may_have_one_example(fw, build):
    shape = (5, 4, 1)
    model, _ = build(NORMED, shape)
    part = images(shape, 9)
    trainer = fw.Trainer(1, seed=0)
    trainer.fit(model, fw.data.ImageData(part, part, 4))
    assert np.isfinite(trainer.history[0]["train_loss"])
    assert trainer.evaluate(model, fw.data.ImageData(None, part, 4)).count == 9
