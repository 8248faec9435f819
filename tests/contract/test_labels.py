"""Labels of any integer type are counted correctly, and wrong ones refused, in every framework."""

import importlib

import numpy as np
import pytest

from hardmax.errors import ArgumentError
from hardmax.networks import layers

SCORES = np.array([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5], [0.9, 0.05, 0.05]], np.float32)
LABELS = np.array([0, 2, 0])

WRONG = {
    "one-hot": (lambda y: np.eye(4, dtype=np.float32)[y], "shape of the predictions"),
    "from 1": (lambda y: y + 1, r"from 0 to 3, .* got labels from 1 to 4;"),
    "negative": (lambda y: -y, r"from 0 to 3, .* got labels from -3 to 0;"),
    "fractions": (lambda y: y / np.float32(2), r"must be integers, .* such as [01]\.5;"),
}


@pytest.fixture
def array(framework):
    """A function that returns a NumPy array as the framework's, of the same type."""

    def convert(values):
        if framework != "mxnet":
            return importlib.import_module(f"hardmax.{framework}").tensor(values)
        return importlib.import_module("mxnet").np.array(values, dtype=values.dtype)

    return convert


@pytest.fixture
def labeled(fw, array, train_images):
    """A function that returns data whose labels are transformed, in hardmax's loaders or lists."""
    pixels = train_images.images[..., 0].reshape(203, 36).astype(np.float32) / 255

    def make(transform, native=False):
        X, y = array(pixels), array(transform(train_images.labels))

        class Data(fw.DataModule):
            batch_size = 32

            def get_dataloader(self, train):
                loader = self.get_tensorloader((X, y), train)
                loader.seed = 0
                return list(loader) if native else loader

        return Data()

    return make


@pytest.fixture
def model_of(fw):
    """A function that returns a linear model of a class, with fixed initial weights."""
    from hardmax.networks.initializers import initial_weights
    from hardmax.training.recipes import Recipe

    def make(cls=fw.models.NetworkClassifier):
        network = (layers.Linear(4),)
        model = cls(network, (36,), Recipe(0.3))
        fw.Trainer(1).set_weights(model, initial_weights(network, (36,), 0))
        return model

    return make


def stepwise(fw):
    def training_step(self, *arguments):
        return super(Stepwise, self).training_step(*arguments)

    Stepwise = type("Stepwise", (fw.models.NetworkClassifier,), {"training_step": training_step})
    return Stepwise


def fitted(fw, model, data):
    trainer = fw.Trainer(2, seed=0)
    trainer.fit(model, data)
    return trainer


def test_labels_of_any_type_give_the_same_history(fw, labeled, model_of):
    expected = fitted(fw, model_of(), labeled(lambda y: y)).history[-1]
    for dtype, shape in (("int64", (-1, 1)), ("uint8", (-1, 1)), ("int8", -1), ("float32", -1)):
        data = labeled(lambda y, kind=dtype, shape=shape: y.astype(kind).reshape(shape))
        trainer = fitted(fw, model_of(), data)
        for key in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
            assert trainer.history[-1][key] == pytest.approx(expected[key], rel=1e-6)


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("steps", [False, True])
def test_wrong_labels_are_refused_before_anything_is_trained(
    fw, labeled, model_of, kind, native, steps
):
    transform, message = WRONG[kind]
    model = model_of(stepwise(fw)) if steps else model_of()
    before = fw.Trainer(1).get_weights(model)
    with pytest.raises(ArgumentError, match=message):
        fitted(fw, model, labeled(transform, native))
    for name, value in fw.Trainer(1).get_weights(model).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("native", [False, True])
def test_wrong_labels_are_refused_by_evaluate(fw, labeled, model_of, kind, native):
    transform, message = WRONG[kind]
    with pytest.raises(ArgumentError, match=message):
        fw.Trainer(1).evaluate(model_of(), labeled(transform, native))


def test_wrong_labels_in_a_later_batch_are_refused(fw, labeled, model_of):
    data = labeled(lambda y: np.where(np.arange(len(y)) == 7, 4, y), native=True)
    with pytest.raises(ArgumentError, match="from 0 to 3"):
        fitted(fw, model_of(), data)


def test_a_loss_of_its_own_may_take_labels_from_1(fw, framework, labeled, model_of):
    def loss(self, *arguments, averaged=True):
        i = 2 if framework == "jax" else 1
        shifted = (*arguments[:i], arguments[i] - 1, *arguments[i + 1 :])
        return super(Custom, self).loss(*shifted, averaged=averaged)

    Custom = type("Custom", (fw.models.NetworkClassifier,), {"loss": loss})
    expected = fitted(fw, model_of(), labeled(lambda y: y)).history[-1]
    history = fitted(fw, model_of(Custom), labeled(lambda y: y + 1)).history
    assert history[-1]["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-6)


def functions(framework):
    if framework == "jax":
        pytest.skip("the functional edition does not cover JAX")


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32"])
def test_accuracy_counts_labels_of_any_type_and_shape(fw, framework, array, dtype, shape):
    functions(framework)
    scores, labels = array(SCORES), array(LABELS.astype(dtype).reshape(shape))
    assert fw.accuracy(scores, labels) == 2
    assert fw.evaluate_accuracy(lambda X: X, [(scores, labels)] * 2) == pytest.approx(2 / 3)
    predictions = array(np.array([[2], [2], [0]]))
    assert fw.accuracy(predictions, labels) == 2


def test_predictions_are_not_cast_to_the_type_of_the_labels(fw, framework, array):
    functions(framework)
    scores = np.zeros((2, 300), np.float32)
    scores[0, 261] = scores[1, 5] = 1  # 261 is 5 in a byte
    for dtype in ("uint8", "int8"):
        assert fw.accuracy(array(scores), array(np.array([5, 5], dtype))) == 1


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32"])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
@pytest.mark.parametrize("from_logits", [False, True])
def test_cross_entropy_takes_labels_of_any_type_and_shape(fw, array, dtype, shape, from_logits):
    cross_entropy = importlib.import_module(f"{fw.__name__}.functions").cross_entropy
    odds = np.exp(SCORES.astype(np.float64))
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    given = SCORES if from_logits else probabilities.astype(np.float32)
    losses = cross_entropy(array(given), array(LABELS.astype(dtype).reshape(shape)), from_logits)
    expected = -np.log(probabilities[range(3), LABELS])
    np.testing.assert_allclose(fw.numpy(losses), expected, rtol=1e-5)


@pytest.mark.parametrize("labels", [[0, 3, 1], [0, -1, 1], [0.5, 1, 2], [[0, 1, 2]], [0, 1]])
def test_functions_refuse_wrong_labels(fw, framework, array, labels):
    cross_entropy = importlib.import_module(f"{fw.__name__}.functions").cross_entropy
    scores, labels = array(SCORES), array(np.array(labels, np.float32))
    with pytest.raises(ArgumentError, match="labels must"):
        cross_entropy(scores, labels)
    functions(framework)
    with pytest.raises(ArgumentError, match="labels must"):
        fw.accuracy(scores, labels)
    with pytest.raises(ArgumentError, match="labels must"):
        fw.evaluate_accuracy(lambda X: X, [(scores, labels)])


@pytest.mark.parametrize("labels", [[0, 3, 1], [0, -1, 1], [0.5, 1, 2], [[0, 1, 2]], [0, 1]])
def test_methods_of_a_model_refuse_wrong_labels(fw, framework, array, model_of, labels):
    X, labels = array(np.zeros((3, 36), np.float32)), array(np.array(labels, np.float32) * 4 / 3)
    model = model_of()
    if framework == "jax":
        state = model.train_state
        arguments = (state.params, (X,), labels, state)
    else:
        arguments = (model(X), labels)
    for method in (model.loss, model.accuracy):
        with pytest.raises(ArgumentError, match="labels must"):
            method(*arguments)
