"""skorch: a NeuralNetClassifier on arrays."""

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from benchmarks.torch.work import Order, network, tensors
from hardmax.torch.layers import get_weights


class EpochTimer(Clock, Callback):
    """Marks the end of each epoch."""

    def on_epoch_end(self, net, **kwargs):
        self.mark()


def skorch_fit(task: Task) -> Fit:
    images, labels = tensors(task.dataset.train)
    test_images, test_labels = tensors(task.dataset.test)
    timer = EpochTimer()
    net = NeuralNetClassifier(
        network(task),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=LR,
        max_epochs=task.epochs,
        batch_size=BATCH_SIZE,
        train_split=predefined_split(Dataset(test_images.numpy(), test_labels.numpy())),
        iterator_train__sampler=Order(task),
        callbacks=[
            EpochScoring("accuracy", name="train_acc", on_train=True, lower_is_better=False),
            timer,
        ],
        verbose=0,
    )
    net.fit(images.numpy(), labels.numpy())
    last = net.history[-1]
    return Fit(timer.seconds(), get_weights(net.module_), last["train_loss"], last["valid_acc"])
