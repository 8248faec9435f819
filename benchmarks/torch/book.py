"""hardmax with the book's API."""

from dataclasses import replace

from torch import nn

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Fit, Task
from benchmarks.with_hardmax import fit
from hardmax import torch as d2l


class MLP(d2l.Classifier):
    """The book's multilayer perceptron."""

    def __init__(self, num_outputs: int, num_hiddens: int, lr: float):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(num_hiddens), nn.ReLU(), nn.LazyLinear(num_outputs)
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
    trainer = d2l.Trainer(max_epochs=task.epochs, seed=task.seed)
    trainer.set_weights(model, {f"net.{name}": w for name, w in task.weights().items()})
    result = fit(trainer, model, data)
    return replace(
        result, weights={name.removeprefix("net."): w for name, w in result.weights.items()}
    )
