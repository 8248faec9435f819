"""hardmax: as its command line trains, and as a reader of the book writes it."""

import torch
from torch import nn

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Fit, Task
from hardmax import frameworks
from hardmax import torch as d2l
from hardmax.torch.models import NetworkClassifier


class MLP(d2l.Classifier):
    """The book's multilayer perceptron."""

    def __init__(self, num_outputs: int, num_hiddens: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(num_hiddens), nn.ReLU(), nn.LazyLinear(num_outputs)
        )


def command_line(task: Task) -> Fit:
    """Train by the calls of ``hardmax.experiment.train``."""
    sibling = frameworks.load("torch")
    dataset = task.data.dataset
    model = NetworkClassifier(task.architecture, dataset.shape, LR)
    model.board.display = False
    trainer = sibling.Trainer(task.epochs, seed=task.seed, device="cpu")
    trainer.set_weights(model, task.weights())
    trainer.fit(model, sibling.data.PictureData(dataset.train, dataset.test, BATCH_SIZE))
    return _fit(trainer, trainer.get_weights(model))


def book(task: Task) -> Fit:
    data = d2l.FashionMNIST(batch_size=BATCH_SIZE)
    models = {
        "softmax-regression": lambda: d2l.SoftmaxRegression(num_outputs=CLASSES, lr=LR),
        "mlp": lambda: MLP(num_outputs=CLASSES, num_hiddens=256, lr=LR),
    }
    model = models[task.model]()
    model.board.display = False
    model(torch.zeros(1, 1, 28, 28))  # makes the lazy layers, so that they can be given weights
    trainer = d2l.Trainer(max_epochs=task.epochs, seed=task.seed)
    trainer.set_weights(model, {f"net.{name}": w for name, w in task.weights().items()})
    trainer.fit(model, data)
    weights = trainer.get_weights(model)
    return _fit(trainer, {name.removeprefix("net."): w for name, w in weights.items()})


def _fit(trainer: d2l.Trainer, weights: dict) -> Fit:
    last = trainer.history[-1]
    seconds = [record["seconds"] for record in trainer.history]
    return Fit(seconds, weights, last["train_loss"], last["val_accuracy"])
