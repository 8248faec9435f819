"""hardmax with the book's API."""

from dataclasses import replace

import tensorflow as tf

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Fit, Task
from benchmarks.tensorflow.work import portable
from benchmarks.with_hardmax import fit
from hardmax import tensorflow as d2l
from hardmax.networks.layouts import to_channels_last


class MLP(d2l.Classifier):
    """The book's multilayer perceptron."""

    def __init__(self, num_outputs: int, num_hiddens: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = tf.keras.models.Sequential(
            [
                tf.keras.layers.Flatten(),
                tf.keras.layers.Dense(num_hiddens, activation="relu"),
                tf.keras.layers.Dense(num_outputs),
            ]
        )


def book(task: Task) -> Fit:
    data = d2l.FashionMNIST(batch_size=BATCH_SIZE)
    models = {
        "softmax-regression": lambda: d2l.SoftmaxRegression(num_outputs=CLASSES, lr=LR),
        "mlp": lambda: MLP(num_outputs=CLASSES, num_hiddens=256, lr=LR),
        "lenet": lambda: d2l.LeNet(lr=LR, num_classes=CLASSES),
    }
    model = models[task.model]()
    model.board.display = False
    model(tf.zeros((1, *task.shape)))  # initializes the lazy layers
    native = to_channels_last(task.architecture, task.shape, task.weights())
    for variable, value in zip(model.trainable_variables, native.values(), strict=True):
        variable.assign(value)
    result = fit(d2l.Trainer(max_epochs=task.epochs, seed=task.seed), model, data)
    return replace(result, weights=portable(task, model.trainable_variables))
