"""Keras 3 on any framework: ``model.fit`` with its defaults, except the progress bar."""

from functools import cache

import keras
import numpy as np

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Clock, Fit, Orders, Task
from hardmax.data.datasets import SCALE, Images
from hardmax.networks.layouts import from_channels_last, to_channels_last


class EpochTimer(Clock, keras.callbacks.Callback):
    """Marks the end of each epoch, and sets the epoch of the orders."""

    def __init__(self, orders: Orders):
        keras.callbacks.Callback.__init__(self)
        self.orders = orders
        Clock.__init__(self)

    def on_epoch_begin(self, epoch, logs=None):
        self.orders.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.mark()


@cache
def arrays(images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return images, float32 (examples, height, width, channels) in [0, 1], and labels."""
    return images.images.astype(np.float32) * np.float32(SCALE), images.labels


def build(task: Task) -> keras.Model:
    layers = keras.layers
    flatten, out = layers.Flatten(), layers.Dense(CLASSES)
    stacks = {
        "softmax-regression": lambda: [flatten, out],
        "mlp": lambda: [flatten, layers.Dense(256, activation="relu"), out],
        "lenet": lambda: [
            layers.Conv2D(6, 5, padding="same", activation="sigmoid"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="sigmoid"),
            layers.AveragePooling2D(2),
            flatten,
            layers.Dense(120, activation="sigmoid"),
            layers.Dense(84, activation="sigmoid"),
            out,
        ],
    }
    model = keras.Sequential([keras.Input(task.shape), *stacks[task.model]()])
    model.set_weights([*to_channels_last(task.architecture, task.shape, task.weights()).values()])
    return model


def fit(task: Task, orders: Orders, steps: int = 1, jit: bool | str = "auto") -> Fit:
    """Train with ``steps`` steps per execution; the caller makes Keras use the task's orders.

    Keras has no argument for the order of the examples.
    """
    model = build(task)
    model.compile(
        optimizer=keras.optimizers.SGD(LR),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=steps,
        jit_compile=jit,
    )
    images, labels = arrays(task.dataset.train)
    test = arrays(task.dataset.test)
    timer = EpochTimer(orders)
    history = model.fit(
        images,
        labels,
        batch_size=BATCH_SIZE,
        epochs=task.epochs,
        validation_data=test,
        callbacks=[timer],
        verbose=0,
    ).history
    trained = dict(zip(task.weights(), model.get_weights(), strict=True))
    weights = from_channels_last(task.architecture, task.shape, trained)
    return Fit(timer.seconds(), weights, history["loss"][-1], history["val_accuracy"][-1])
