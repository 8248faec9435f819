"""The book's functional API."""

import numpy as np
import pytest


@pytest.fixture
def softmax_regression(fw):
    """A function that returns batches of Fashion-MNIST, a scratch network, its loss and updater."""

    def make(batch_size=256):
        train_iter, test_iter = fw.load_data_fashion_mnist(batch_size)
        model = fw.SoftmaxRegressionScratch(784, 10, lr=0.1)

        def loss(y_hat, y):
            return fw.cross_entropy(y_hat, y, from_logits=True)

        def updater(size):
            fw.sgd(model.parameters(), 0.1, size)

        if hasattr(fw, "Updater"):  # weights do not store gradients here
            updater = fw.Updater(model.trainable_variables, 0.1)
        return model, train_iter, test_iter, loss, updater

    return make


@pytest.mark.slow
@pytest.mark.usefixtures("data_root")
def test_train_epoch_ch3_starts_where_the_books_curve_starts(fw, softmax_regression):
    net, train_iter, test_iter, loss, updater = softmax_regression()
    before = fw.evaluate_accuracy(net, test_iter)
    train_loss, train_accuracy = fw.train_epoch_ch3(net, train_iter, loss, updater)
    assert before < 0.3
    assert train_loss == pytest.approx(0.787, abs=0.01)  # where the book's curve starts
    assert train_accuracy == pytest.approx(0.748, abs=0.01)
    assert fw.evaluate_accuracy(net, test_iter) > 0.7  # 0.74 to 0.80, depending on the order


@pytest.mark.usefixtures("few_clothes")
def test_train_epoch_ch3_returns_means_over_the_examples(fw, softmax_regression):
    """With one batch per epoch, the means are those of the initial weights on all examples."""
    net, train_iter, _, loss, updater = softmax_regression(1000)
    ((X, y),) = train_iter
    expected = float(fw.numpy(loss(net(X), y)).mean()), fw.evaluate_accuracy(net, train_iter)
    assert fw.train_epoch_ch3(net, train_iter, loss, updater) == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("few_clothes")
def test_accuracy_does_not_depend_on_the_batch_size(fw, softmax_regression):
    net, train_iter, _, loss, updater = softmax_regression()
    fw.train_epoch_ch3(net, train_iter, loss, updater)
    iterators = [fw.load_data_fashion_mnist(size)[1] for size in (7, 100, 300, 1000)]
    accuracies = {fw.evaluate_accuracy(net, test_iter) for test_iter in iterators}
    assert len(accuracies) == 1
    assert 0 < accuracies.pop() < 1


@pytest.mark.usefixtures("few_clothes")
def test_train_ch3_warns_about_a_poor_result(fw, softmax_regression, capsys):
    net, train_iter, test_iter, loss, updater = softmax_regression(1000)
    with pytest.warns(UserWarning, match="expect a loss below 0.5"):
        fw.train_ch3(net, train_iter, test_iter, loss, 1, updater)
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("few_clothes")
def test_train_ch3_accepts_a_good_result(fw, softmax_regression):
    net, train_iter, test_iter, loss, updater = softmax_regression(20)
    fw.train_ch3(net, train_iter, test_iter, loss, 5, updater)


@pytest.mark.slow
@pytest.mark.usefixtures("data_root")
def test_train_ch3_reaches_a_good_result_on_fashion_mnist(fw, softmax_regression):
    net, train_iter, test_iter, loss, updater = softmax_regression()
    fw.train_ch3(net, train_iter, test_iter, loss, 6, updater)


@pytest.mark.usefixtures("data_root")
def test_predict_ch3_shows_true_and_predicted_classes(fw, softmax_regression, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    net, _, test_iter, *_ = softmax_regression()
    fw.predict_ch3(net, test_iter, n=4)
    axes = fw.plt.gcf().axes
    assert len(axes) == 4
    assert [ax.get_title().split("\n")[0] for ax in axes] == [
        "ankle boot",
        "pullover",
        "trouser",
        "trouser",
    ]
    fw.plt.close("all")


def test_accuracy_is_a_count(fw):
    y_hat = fw.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    assert fw.accuracy(y_hat, fw.tensor([0, 2])) == 1
    scores = fw.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert fw.accuracy(scores, fw.tensor([1, 1, 1])) == 2
    assert fw.accuracy(fw.tensor([1, 0, 1]), fw.tensor([1, 1, 1])) == 2


def test_evaluate_loss_is_the_mean_over_examples(fw):
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(23, 3)), generator.normal(size=(23, 1))
    w, b = generator.normal(size=(3, 1)), 0.5
    X, y, w = (a.astype(np.float32) for a in (X, y, w))
    data = fw.load_array((fw.tensor(X), fw.tensor(y)), 5, is_train=False)

    def net(batch):
        return fw.linreg(batch, fw.tensor(w), b)

    expected = np.mean((X @ w + b - y) ** 2 / 2)
    assert fw.evaluate_loss(net, data, fw.squared_loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
def test_evaluate_loss_weights_the_means_of_an_averaging_loss_by_their_examples(fw, outputs):
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(2, 10, outputs)).astype(np.float32)
    y[8:] += 5  # the short last batch
    data = fw.load_array((fw.tensor(X), fw.tensor(y)), 4, is_train=False)

    def loss(y_hat, y):
        return ((y_hat - y) ** 2).mean() if hasattr(y, "mean") else fw.reduce_mean((y_hat - y) ** 2)

    expected = np.mean((X - y) ** 2)
    assert fw.evaluate_loss(lambda X: X, data, loss) == pytest.approx(expected, rel=1e-5)


def test_synthetic_data_follows_its_formula(fw):
    X, y = fw.synthetic_data(fw.tensor([2, -3.4]), 4.2, 1000)
    X, y = fw.numpy(X), fw.numpy(y)
    assert X.shape == (1000, 2)
    assert y.shape == (1000, 1)
    noise = y[:, 0] - (X @ [2, -3.4] + 4.2)
    assert noise.std() == pytest.approx(0.01, rel=0.2)
    assert abs(noise.mean()) < 0.002


def test_load_array_shuffles_only_training_data(fw):
    arrays = (fw.arange(30), fw.arange(30))
    in_order = [int(v) for X, _ in fw.load_array(arrays, 7, is_train=False) for v in fw.numpy(X)]
    shuffled = [int(v) for X, _ in fw.load_array(arrays, 7) for v in fw.numpy(X)]
    assert in_order == list(range(30))
    assert shuffled != in_order
    assert sorted(shuffled) == in_order


def test_fashion_mnist_can_be_resized(fw, data_root, monkeypatch):
    from hardmax.data.images import fashion_mnist

    few = fashion_mnist.load_fashion_mnist()
    rows = np.arange(10)
    small = type(few)(few.name, few.train.take(rows), few.test.take(rows), few.classes)
    monkeypatch.setattr(fashion_mnist, "_read", lambda folder: small)
    for resize, sizes in ((64, [64, 64]), ((20, 30), [20, 30])):
        train_iter, _ = fw.load_data_fashion_mnist(5, resize=resize)
        X, _ = next(iter(train_iter))
        assert sorted(X.shape) == sorted([5, 1, *sizes])
