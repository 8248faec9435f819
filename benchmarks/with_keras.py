"""Keras 3 on PyTorch: ``model.fit`` with its defaults, but for the progress bar."""

import os
import time
from unittest import mock

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Fit, Order, Task, between


class Watch(keras.callbacks.Callback):
    """Marks the ends of the epochs, and tells the order which epoch it is."""

    def __init__(self, order: Order):
        super().__init__()
        self.order = order
        self.marks = []

    def on_train_begin(self, logs=None):
        self.marks.append(time.perf_counter())

    def on_epoch_begin(self, epoch, logs=None):
        self.order.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.marks.append(time.perf_counter())


def build(task: Task) -> keras.Model:
    layers = keras.layers
    hidden = {"softmax-regression": [], "mlp": [layers.Dense(256, activation="relu")]}
    model = keras.Sequential(
        [keras.Input(task.shape), layers.Flatten(), *hidden[task.model], layers.Dense(CLASSES)]
    )
    # Keras keeps (inputs, outputs). With one channel, it flattens a picture as everybody does.
    model.set_weights([weight.T for weight in task.weights().values()])
    return model


def keras_fit(task: Task) -> Fit:
    model = build(task)
    model.compile(
        optimizer=keras.optimizers.SGD(LR),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    dataset = task.data.dataset
    images, test_images = (
        part[0].numpy().reshape(-1, *dataset.shape) for part in (task.data.train, task.data.test)
    )
    order = Order(task)
    watch = Watch(order)
    # Keras shuffles by this class; it has no argument for the order.
    with mock.patch.object(torch.utils.data, "RandomSampler", return_value=order):
        history = model.fit(
            images,
            dataset.train.labels,
            batch_size=BATCH_SIZE,
            epochs=task.epochs,
            validation_data=(test_images, dataset.test.labels),
            callbacks=[watch],
            verbose=0,
        ).history
    weights = {name: w.T for name, w in zip(task.weights(), model.get_weights(), strict=True)}
    return Fit(between(watch.marks), weights, history["loss"][-1], history["val_accuracy"][-1])
