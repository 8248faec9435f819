"""The book's models, compared with results that are known in advance."""

import numpy as np
import pytest


def test_cross_entropy_of_the_books_example(fw):
    y_hat = fw.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    losses = fw.cross_entropy(y_hat, fw.tensor([0, 2]))
    np.testing.assert_allclose(fw.numpy(losses), [2.3026, 0.6931], atol=1e-4)


def test_softmax_and_cross_entropy_are_stable_for_large_scores(fw):
    scores = fw.tensor([[1e4, 0.0, -1e4], [-1e4, 1e4, 1e4]])
    np.testing.assert_allclose(fw.numpy(fw.softmax(scores)), [[1, 0, 0], [0, 0.5, 0.5]])
    losses = fw.cross_entropy(scores, fw.tensor([2, 0]), from_logits=True)
    np.testing.assert_allclose(fw.numpy(losses), [2e4, 2e4 + np.log(2)], rtol=1e-6)


def test_softmax_of_ordinary_scores(fw):
    scores = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fw.numpy(fw.softmax(fw.tensor(scores))), expected, rtol=1e-5)


def test_untrained_scratch_models_are_at_chance_level(fw, data_root):
    """One model's accuracy varies by 0.04 around the chance level of 0.1, its loss by 0.017.

    The weights of all classes are drawn identically, so none of the ten is favored.
    """
    data = fw.FashionMNIST(batch_size=10_000)
    trainer = fw.Trainer(1)
    evaluations = [
        trainer.evaluate(fw.SoftmaxRegressionScratch(num_inputs=784, num_outputs=10, lr=0.1), data)
        for _ in range(20)
    ]
    assert {e.count for e in evaluations} == {10_000}
    assert np.mean([e.accuracy for e in evaluations]) == pytest.approx(0.1, abs=0.06)
    assert np.mean([e.loss for e in evaluations]) == pytest.approx(np.log(10), abs=0.05)
    assert len({e.loss for e in evaluations}) == 20


@pytest.mark.parametrize("concise", [False, True])
def test_softmax_regression_learns(fw, make_data, concise):
    model = (
        fw.SoftmaxRegression(num_outputs=4, lr=0.5)
        if concise
        else fw.SoftmaxRegressionScratch(num_inputs=36, num_outputs=4, lr=0.5)
    )
    trainer = fw.Trainer(max_epochs=15, seed=0)
    trainer.fit(model, make_data())
    assert trainer.uses_engine
    # Eight seeds give 0.90 to 0.93, and 0.23 to 0.24 of the first epoch's loss.
    assert trainer.history[-1]["val_accuracy"] > 0.8
    assert trainer.history[-1]["train_loss"] < 0.4 * trainer.history[0]["train_loss"]


@pytest.mark.parametrize("concise", [False, True])
def test_linear_regression_finds_the_weights(fw, concise):
    data = fw.SyntheticRegressionData(w=fw.tensor([2, -3.4]), b=4.2)
    model = fw.LinearRegression(lr=0.03) if concise else fw.LinearRegressionScratch(2, lr=0.03)
    trainer = fw.Trainer(max_epochs=10, seed=0)
    trainer.fit(model, data)
    weights = sorted(
        np.concatenate([value.ravel() for value in trainer.get_weights(model).values()])
    )
    np.testing.assert_allclose(weights, [-3.4, 2, 4.2], atol=0.01)
    assert trainer.history[-1]["val_accuracy"] is None
    evaluation = trainer.evaluate(model, data)
    assert evaluation.correct is None
    assert evaluation.loss < 0.001
    assert len(model.board.data["val_loss"]) == 10


@pytest.mark.parametrize("concise", [False, True])
def test_linear_regression_takes_labels_without_a_second_axis(fw, concise):
    class Flat(fw.SyntheticRegressionData):
        def get_dataloader(self, train):
            return self.get_tensorloader((self.X, fw.reshape(self.y, (-1,))), train)

    data = Flat(w=fw.tensor([2, -3.4]), b=4.2, batch_size=1000)
    model = fw.LinearRegression(lr=0.1) if concise else fw.LinearRegressionScratch(2, lr=0.1)
    trainer = fw.Trainer(max_epochs=100, seed=0)
    trainer.fit(model, data)
    assert trainer.history[-1]["train_loss"] < 0.01


def test_layer_summary_prints_the_output_of_each_layer(fw, capsys):
    model = fw.SoftmaxRegression(num_outputs=10, lr=0.1)
    model.layer_summary((1, 28, 28, 1))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "784" in lines[0]
    assert "10" in lines[1]


def test_missing_methods_are_named(fw, make_data):
    with pytest.raises(NotImplementedError, match="loss"):
        fw.Module().loss(None, None)
    with pytest.raises(NotImplementedError, match="get_dataloader"):
        fw.DataModule().train_dataloader()
