"""skorch: a NeuralNetClassifier that is given arrays."""

import time

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from benchmarks.task import BATCH_SIZE, LR, Fit, Order, Task, between
from hardmax.torch.layers import get_weights


class Watch(Callback):
    """Marks the ends of the epochs."""

    def initialize(self):
        self.marks = []
        return self

    def on_train_begin(self, net, **kwargs):
        self.marks.append(time.perf_counter())

    def on_epoch_end(self, net, **kwargs):
        self.marks.append(time.perf_counter())


def skorch_fit(task: Task) -> Fit:
    (images, labels), (test_images, test_labels) = task.data.train, task.data.test
    watch = Watch()
    net = NeuralNetClassifier(
        task.network(),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=LR,
        max_epochs=task.epochs,
        batch_size=BATCH_SIZE,
        train_split=predefined_split(Dataset(test_images.numpy(), test_labels.numpy())),
        iterator_train__sampler=Order(task),
        callbacks=[
            EpochScoring("accuracy", name="train_acc", on_train=True, lower_is_better=False),
            watch,
        ],
        verbose=0,
    )
    net.fit(images.numpy(), labels.numpy())
    last = net.history[-1]
    return Fit(
        between(watch.marks), get_weights(net.module_), last["train_loss"], last["valid_acc"]
    )
