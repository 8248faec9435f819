"""Keras: a convolutional network with its preprocessing layers, Adam and ``fit`` as documented."""

import time

import keras
import numpy as np

from benchmarks.images.outcome import Outcome, epochs_within
from hardmax.data.datasets import Images
from hardmax.data.load import load

BATCH_SIZE = 128
CHANNELS = (32, 64, 128)


def network(shape: tuple[int, ...], classes: int) -> keras.Model:
    layers = keras.layers
    stages = [
        layer
        for channels in CHANNELS
        for layer in (
            layers.Conv2D(channels, 3, padding="same", activation="relu"),
            layers.Conv2D(channels, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
        )
    ]
    model = keras.Sequential(
        [
            keras.Input(shape),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1),
            layers.Rescaling(1 / 255),
            *stages,
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def fit(source: str, minutes: float) -> Outcome:
    keras.utils.set_random_seed(0)
    dataset = load(source)
    train, test = dataset.train, dataset.test
    assert isinstance(train, Images)
    assert isinstance(test, Images)
    trial = network(dataset.shape, len(dataset.classes))
    batch = train.images[:BATCH_SIZE], train.labels[:BATCH_SIZE]
    steps = int(np.ceil(len(train) / BATCH_SIZE))
    epochs = epochs_within(minutes, steps, lambda: trial.train_on_batch(*batch))
    model = network(dataset.shape, len(dataset.classes))
    start = time.perf_counter()
    model.fit(
        train.images,
        train.labels,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(test.images, test.labels),
        verbose=0,
    )
    seconds = time.perf_counter() - start
    predicted = model.predict(test.images, batch_size=BATCH_SIZE, verbose=0).argmax(axis=1)
    correct = int((predicted == test.labels).sum())
    return Outcome("convolutional", correct, len(test), epochs, seconds, model.count_params())
