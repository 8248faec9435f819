"""Fits models of users in TensorFlow, in any number of processes, and writes what came of them.

The argument is the .npz file that the first process writes.
"""

import sys
import warnings

import numpy as np
from process_fits import ALL, BATCH, FEW, RANK, assert_same, data_module, figures, write

from hardmax import frameworks
from hardmax.networks import layers as records

hm = frameworks.load("tensorflow")  # TensorFlow would print when it is imported

import tensorflow as tf  # noqa: E402

from hardmax.tensorflow import layers  # noqa: E402

FEATURES, CLASSES = 16, 4

X = np.random.default_rng(0).normal(size=(ALL, FEATURES)).astype(np.float32)
Y = X[:, :CLASSES].argmax(1)

Data = data_module(hm, X, Y)


class ForeignData(Data):
    def get_dataloader(self, train):
        starts = range(0, self.count, BATCH)
        rows = [slice(start, min(start + BATCH, self.count)) for start in starts]
        return [(tf.constant(X[part]), tf.constant(Y[part])) for part in rows]


class Model(hm.Classifier):
    def __init__(self, *layers, optimizer=lambda: tf.keras.optimizers.SGD(0.2)):
        super().__init__()
        self.board.display = False
        self.net, self.optimizer = tf.keras.Sequential(list(layers)), optimizer

    def configure_optimizers(self):
        return self.optimizer()


class BookModel(Model):
    def training_step(self, batch):
        loss = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("loss", loss, train=True)
        return loss


class Momentum:
    """An optimizer that makes its state in the first step."""

    def __init__(self):
        self.speeds = None

    def apply_gradients(self, grads_and_vars):
        pairs = list(grads_and_vars)
        if self.speeds is None:
            self.speeds = [tf.zeros_like(variable) for _, variable in pairs]
        self.speeds = [
            0.5 * speed + grad for speed, (grad, _) in zip(self.speeds, pairs, strict=True)
        ]
        for speed, (_, variable) in zip(self.speeds, pairs, strict=True):
            variable.assign_sub(0.2 * speed)


class Bins(tf.keras.layers.Layer):
    def call(self, X):
        return tf.cast(tf.clip_by_value(4 * tf.abs(X), 0, 15), tf.int32)


class Centered(tf.keras.layers.Layer):
    """Subtracts the mean of the batch, and in evaluation mode a running mean."""

    def build(self, shape):
        self.mean = self.add_weight(shape=shape[-1:], initializer="zeros", trainable=False)

    def call(self, X, training=False):
        if not training:
            return X - self.mean
        mean = tf.reduce_mean(X, 0)
        self.mean.assign(0.5 * self.mean + 0.5 * mean)
        return X - mean


def dense(size, **options):
    return tf.keras.layers.Dense(size, **options)


def normalizing(norm, cls=Model):
    # Without a bias, whose gradient would be zero but for rounding.
    return cls(dense(8, use_bias=False), norm, tf.keras.layers.ReLU(), dense(CLASSES))


def own_norm():
    return layers.build((records.BatchNorm(),))


def keras_norm():
    return tf.keras.layers.BatchNormalization(momentum=0.9)


def convolutions():
    images = tf.keras.layers.Reshape((4, 4, 1))
    convolution, flat = tf.keras.layers.Conv2D(3, 3), tf.keras.layers.Flatten()
    return Model(images, convolution, keras_norm(), flat, dense(CLASSES))


def words():
    embedding = tf.keras.layers.Embedding(16, 8)
    flat = tf.keras.layers.Flatten()
    return Model(Bins(), embedding, flat, dense(CLASSES), optimizer=adam)


def adam():
    return tf.keras.optimizers.Adam(0.01)


def falling():
    return tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.ExponentialDecay(0.2, 3, 0.9))


def dropping():
    return Model(dense(8), tf.keras.layers.Dropout(0.5), dense(CLASSES))


#: By name: functions that return a model, and the data and further arguments of the trainer.
FITS = {
    "no layers": (lambda: hm.SoftmaxRegressionScratch(FEATURES, CLASSES, 0.2), Data(FEW), {}),
    "schedule": (
        lambda: Model(dense(CLASSES), optimizer=falling),
        ForeignData(FEW),
        {"gradient_clip_val": 0.5},
    ),
    "state of an optimizer": (
        lambda: BookModel(dense(CLASSES), optimizer=Momentum),
        Data(FEW),
        {"gradient_clip_val": 0.5},
    ),
    "sparse gradients": (words, Data(FEW), {}),
    "convolutions": (convolutions, Data(FEW), {}),
    "batch norm in steps": (lambda: normalizing(keras_norm(), BookModel), Data(FEW), {}),
    "hardmax's batch norm in steps": (lambda: normalizing(own_norm(), BookModel), Data(FEW), {}),
}


def fitted(make, data, options, epochs=2):
    """Return a model with other weights in each process, and the trainer that has fitted it."""
    tf.keras.utils.set_random_seed(RANK)
    model = make()
    model.board.display = False
    model(X[:1])
    trainer = hm.Trainer(epochs, seed=0, **options)
    trainer.fit(model, data)
    return model, trainer


def results():
    """Return the weights and figures of all fits by name; of the processes, all have the same."""
    found = {}
    for name, (make, data, options) in FITS.items():
        model, trainer = fitted(make, data, options)
        found |= figures(name, trainer, model, data)
    assert_same(trainer.group, found)
    return found


def generators(state):
    """Return the generators of Dropout in each process, and weights: without and with a stop."""
    found = {}
    model, trainer = fitted(dropping, Data(), {})
    found["dropout: weights at once"] = np.concatenate([one.ravel() for one in model.get_weights()])
    for epochs in (1, 2):
        model, trainer = fitted(dropping, Data(), {"resume": state}, epochs)
    found["dropout: weights resumed"] = np.concatenate([one.ravel() for one in model.get_weights()])
    assert_same(trainer.group, found)
    (numbers,) = layers.generator_states(model)
    return found | {"dropout: generators": trainer.group.gather(np.asarray(numbers)[np.newaxis])}


def warned():
    """Return what is warned of for a layer that normalizes by itself, and its running mean."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UserWarning)
        model, trainer = fitted(lambda: normalizing(Centered()), Data(FEW), {})
    mean = np.asarray(model.net.layers[1].mean)
    assert_same(trainer.group, {"mean": mean})
    return {"warned": [str(one.message) for one in found], "mean": mean}


def main():
    """Write the results, in the first process."""
    (path,) = sys.argv[1:]
    found = results() | generators(f"{path}.state") | warned()
    write(path, found)


if __name__ == "__main__":
    main()
