"""The book's functional edition: functions that take networks, iterators and updaters."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import tensorflow as tf

from hardmax.d2l.functional import (
    LEGEND,
    get_dataloader_workers,
    get_fashion_mnist_labels,
    image_size,
)
from hardmax.d2l.loops import Loops
from hardmax.d2l.timing import Timer
from hardmax.plotting.board import Animator
from hardmax.tensorflow.data import FashionMNIST, Loader
from hardmax.training.labels import check_pair, check_range, check_shape, label_range

__all__ = [
    "TrainCallback",
    "Updater",
    "accuracy",
    "corr2d",
    "cross_entropy",
    "evaluate_accuracy",
    "evaluate_loss",
    "get_dataloader_workers",
    "get_fashion_mnist_labels",
    "linreg",
    "load_array",
    "load_data_fashion_mnist",
    "predict_ch3",
    "sgd",
    "softmax",
    "squared_loss",
    "synthetic_data",
    "train_ch3",
    "train_ch6",
    "train_epoch_ch3",
]

Net = Callable[..., tf.Tensor]
Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Batches = Iterable[Sequence[tf.Tensor]]

# Models and losses


def linreg(X: tf.Tensor, w: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return Xw + b, shape (examples, 1), of X (examples, inputs), w (inputs, 1) and b (1,)."""
    return tf.matmul(X, w) + b


def softmax(X: tf.Tensor) -> tf.Tensor:
    """Return the softmax of each row of scores (examples, classes), stable for large scores."""
    return tf.nn.softmax(X, axis=1)


def cross_entropy(y_hat: tf.Tensor, y: tf.Tensor, from_logits: bool = False) -> tf.Tensor:
    """Return the negative log-probability of the true class, float of shape (examples,).

    ``y_hat``: probabilities of shape (examples, classes), or scores if ``from_logits``, which is
    exact for large scores; ``y``: integer labels of shape (examples,) or (examples, 1).
    Raises ArgumentError if they are not from 0 to classes - 1.
    """
    y = tf.convert_to_tensor(y)
    check_pair(y_hat, y, not tf.is_symbolic_tensor(y))
    y = tf.cast(tf.reshape(y, (-1,)), tf.int64)
    logs = tf.nn.log_softmax(y_hat, axis=1) if from_logits else tf.math.log(y_hat)
    return -tf.gather(logs, y, batch_dims=1)


def squared_loss(y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return half the squared errors, in the shape of ``y_hat``."""
    return (y_hat - tf.reshape(y, y_hat.shape)) ** 2 / 2


def corr2d(X: tf.Tensor, K: tf.Tensor) -> tf.Tensor:
    """Return the cross-correlation of an image X (H, W) and a kernel K (h, w).

    The result has shape (H - h + 1, W - w + 1).
    """
    X, K = tf.convert_to_tensor(X), tf.convert_to_tensor(K)
    out = tf.nn.conv2d(X[tf.newaxis, :, :, tf.newaxis], K[:, :, tf.newaxis, tf.newaxis], 1, "VALID")
    return out[0, :, :, 0]


def sgd(
    params: Iterable[tf.Variable], grads: Iterable[tf.Tensor], lr: float, batch_size: int
) -> None:
    """Take a minibatch SGD step with the gradients of summed losses."""
    for param, grad in zip(params, grads, strict=True):
        param.assign_sub(lr * grad / batch_size)


class Updater:
    """Minibatch SGD on a list of variables, an updater for ``train_ch3``."""

    def __init__(self, params: Sequence[tf.Variable], lr: float):
        self.params = params
        self.lr = lr

    def __call__(self, batch_size: int, grads: Iterable[tf.Tensor]) -> None:
        """Take a step with the gradients of summed losses."""
        sgd(self.params, grads, self.lr, batch_size)


# Data


def synthetic_data(w: tf.Tensor, b: float, num_examples: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return X of shape (num_examples, len(w)) and y = Xw + b + noise, (num_examples, 1).

    Float32; X is drawn from N(0, 1), the noise from N(0, 0.01**2).
    """
    X = tf.random.normal((num_examples, w.shape[0]))
    y = tf.matmul(X, tf.reshape(w, (-1, 1))) + b
    return X, y + tf.random.normal(y.shape, stddev=0.01)


def load_array(data_arrays: Sequence[tf.Tensor], batch_size: int, is_train: bool = True) -> Loader:
    """Return batches of the tensors' examples, shuffled for training.

    All tensors have the same length along their first axis.
    """
    tensors = [tf.convert_to_tensor(a) for a in data_arrays]
    return Loader(tensors, batch_size, shuffle=is_train)


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Return batches of Fashion-MNIST's training set and of its test set.

    Images are float32 (examples, height, width, 1) in [0, 1], labels int32 (examples,). Raises the
    errors of ``FashionMNIST``.
    """
    data = FashionMNIST(batch_size, image_size(resize))
    return _dataset(data.train_dataloader()), _dataset(data.val_dataloader())


def _dataset(loader: Loader) -> tf.data.Dataset:
    """Return a loader's batches as a dataset for Keras's ``fit`` and ``evaluate``."""

    def rows() -> Iterable[tf.Tensor]:
        order = loader.next_order()
        return loader.split(tf.range(loader.count) if order is None else order)

    numbers = tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec([None], tf.int32))
    counted = numbers.apply(tf.data.experimental.assert_cardinality(len(loader)))
    return counted.map(loader.take).prefetch(tf.data.AUTOTUNE)


# Evaluation


def accuracy(y_hat: tf.Tensor, y: tf.Tensor) -> float:
    """Return the number of correct predictions.

    ``y_hat``: scores of shape (examples, classes), or predictions in the shape of ``y``.
    """
    return float(_correct(y_hat, y))


def _correct(y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        check_range(label_range(y), y_hat.shape[1])
        y_hat = tf.argmax(y_hat, axis=1)
    check_shape(y_hat.shape, y.shape)
    y_hat, y = (tf.cast(tf.reshape(a, (-1,)), tf.float64) for a in (y_hat, y))
    return tf.math.count_nonzero(y_hat == y)


def _outputs(net: Net, X: tf.Tensor, training: bool) -> tf.Tensor:
    """Return a network's outputs; Keras layers take ``training``."""
    return net(X, training=training) if isinstance(net, tf.keras.layers.Layer) else net(X)


def _loss(loss: Loss, y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return a loss; Keras losses take the labels first."""
    return loss(y, y_hat) if isinstance(loss, tf.keras.losses.Loss) else loss(y_hat, y)


class _Loops(Loops[tf.Tensor, tf.keras.optimizers.Optimizer | Updater]):
    def outputs(self, net: Callable[..., tf.Tensor], X: tf.Tensor | list[tf.Tensor]) -> tf.Tensor:
        return _outputs(net, X, training=False)

    def losses(self, loss: Loss, y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return _loss(loss, y_hat, tf.reshape(y, y_hat.shape))

    def summed(self, losses: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, int]:
        if len(losses.shape):
            return tf.reduce_sum(losses), int(tf.size(losses))
        return losses * len(y), len(y)

    def correct(self, y_hat: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, int]:
        return _correct(y_hat, y), int(tf.size(y))

    def step(
        self,
        net: Callable[..., tf.Tensor],
        batch: tuple[tf.Tensor, tf.Tensor],
        loss: Loss,
        updater: tf.keras.optimizers.Optimizer | Updater,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        X, y = batch
        with tf.GradientTape() as tape:
            y_hat = _outputs(net, X, training=True)
            l = _loss(loss, y_hat, y)
            mean = tf.reduce_mean(l)
        if isinstance(updater, tf.keras.optimizers.Optimizer):
            params = net.trainable_variables  # type: ignore[attr-defined]
            updater.apply_gradients(zip(tape.gradient(mean, params), params, strict=True))
        else:
            updater(X.shape[0], tape.gradient(l, updater.params))
        return y_hat, l


_loops = _Loops()
evaluate_accuracy = _loops.evaluate_accuracy
evaluate_loss = _loops.evaluate_loss
train_epoch_ch3 = _loops.train_epoch_ch3
train_ch3 = _loops.train_ch3
predict_ch3 = _loops.predict_ch3


# Training


class TrainCallback(tf.keras.callbacks.Callback):
    """Plots the metrics of Keras's ``fit`` every epoch, and prints the last ones and the speed.

    ``net`` is compiled with the metric "accuracy"; ``test_iter`` yields batches (X, y).
    """

    def __init__(
        self,
        net: tf.keras.Model,
        train_iter: tf.data.Dataset,
        test_iter: tf.data.Dataset,
        num_epochs: int,
        device_name: str,
    ):
        super().__init__()
        self.net = net
        self.train_iter = train_iter
        self.test_iter = test_iter
        self.num_epochs = num_epochs
        self.device_name = device_name
        self.timer = Timer()
        self.animator = Animator(xlabel="epoch", xlim=[1, num_epochs], legend=LEGEND)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the timer."""
        self.timer.start()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Plot the loss and both accuracies."""
        self.timer.stop()
        test = self.net.evaluate(self.test_iter, verbose=0, return_dict=True)
        loss, accuracy = logs["loss"], logs["accuracy"]
        self.animator.add(epoch + 1, (loss, accuracy, test["accuracy"]))
        if epoch + 1 < self.num_epochs:
            return
        self.animator.close()
        examples = sum(len(y) for _, y in self.train_iter)
        print(
            f"loss {loss:.3f}, train acc {accuracy:.3f}, test acc {test['accuracy']:.3f}\n"
            f"{examples / self.timer.avg():.1f} examples/sec on {self.device_name}"
        )


def train_ch6(
    net_fn: Callable[[], tf.keras.Model],
    train_iter: tf.data.Dataset,
    test_iter: tf.data.Dataset,
    num_epochs: int,
    lr: float,
    device: AbstractContextManager,
) -> tf.keras.Model:
    """Train and return the network of ``net_fn`` by SGD; plot and print its metrics.

    The loss is the cross-entropy of the network's scores, of shape (examples, classes).
    """
    with device:
        name = tf.zeros(()).device
        net = net_fn()
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        net.compile(tf.keras.optimizers.SGD(lr), loss, metrics=["accuracy"])
        callback = TrainCallback(net, train_iter, test_iter, num_epochs, name)
        net.fit(train_iter, epochs=num_epochs, verbose=0, callbacks=[callback])
    return net
