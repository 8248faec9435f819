"""Keras 3 on any framework: ``model.fit`` with its defaults, but for the progress bar."""

from functools import cache

import keras
import numpy as np

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Clock, Fit, Orders, Task
from hardmax.data.arrays import SCALE, Pictures


class Watch(Clock, keras.callbacks.Callback):
    """Marks the ends of the epochs, and tells the orders which epoch it is."""

    def __init__(self, orders: Orders):
        keras.callbacks.Callback.__init__(self)
        self.orders = orders
        Clock.__init__(self)

    def on_epoch_begin(self, epoch, logs=None):
        self.orders.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.mark()


@cache
def arrays(pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """Return images, float32 (examples, height, width, channels) of 0 to 1, and labels."""
    return pictures.images.astype(np.float32) * np.float32(SCALE), pictures.labels


def build(task: Task) -> keras.Model:
    layers = keras.layers
    hidden = {"softmax-regression": [], "mlp": [layers.Dense(256, activation="relu")]}
    model = keras.Sequential(
        [keras.Input(task.shape), layers.Flatten(), *hidden[task.model], layers.Dense(CLASSES)]
    )
    # Keras keeps (inputs, outputs). With one channel, it flattens a picture as everybody does.
    model.set_weights([weight.T for weight in task.weights().values()])
    return model


def fit(task: Task, orders: Orders, steps: int = 1, jit: bool | str = "auto") -> Fit:
    """Train with so many steps an execution; the caller sees to it that Keras goes by the orders.

    It has no argument for the order of the examples.
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
    watch = Watch(orders)
    history = model.fit(
        images,
        labels,
        batch_size=BATCH_SIZE,
        epochs=task.epochs,
        validation_data=test,
        callbacks=[watch],
        verbose=0,
    ).history
    weights = {name: w.T for name, w in zip(task.weights(), model.get_weights(), strict=True)}
    return Fit(watch.seconds(), weights, history["loss"][-1], history["val_accuracy"][-1])
