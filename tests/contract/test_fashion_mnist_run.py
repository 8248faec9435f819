"""Softmax regression on the real Fashion-MNIST, from files to a run and back."""

import numpy as np
import pytest

from hardmax.data.images.fashion_mnist import load_fashion_mnist
from hardmax.runs import evaluate, train
from hardmax.runs.run import Run
from hardmax.runs.settings import Settings


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.shared) for seed in (1, 2))]
)
def test_softmax_regression_reaches_the_books_results(framework, data_root, tmp_path, seed):
    settings = Settings(
        data="fashion-mnist", model="softmax-regression", framework=framework, seed=seed
    )
    trained = train.train(settings, tmp_path / "run")
    assert len(trained.epochs) == 10
    assert trained.epochs[-1]["train_loss"] == pytest.approx(0.447, abs=0.004)
    assert trained.test.count == 10_000
    assert trained.test.accuracy >= 0.82
    assert evaluate.evaluate(tmp_path / "run").evaluation.as_dict() == trained.test.as_dict()

    run = Run.open(tmp_path / "run")
    test = load_fashion_mnist().test
    scores = test.images.reshape(10_000, 784) / 255.0 @ run.weights["1.weight"].T
    scores += run.weights["1.bias"]
    assert trained.test.correct == (scores.argmax(axis=1) == test.labels).sum()
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(10_000), test.labels]
    # MXNet's float32 log-softmax has a relative error of slightly more than 1e-6.
    assert trained.test.loss == pytest.approx(losses.mean(), rel=3e-6)
