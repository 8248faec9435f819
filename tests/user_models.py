"""Fits models of users in PyTorch, in any number of processes, and writes what came of them.

The argument is the .npz file that the first process writes.
"""

import copy
import pickle
import sys
import warnings

import numpy as np
import torch
from process_fits import ALL, BATCH, FEW, RANK, assert_same, data_module, figures, write
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hardmax import torch as hm
from hardmax.torch.module import scratch_weights
from hardmax.training.callbacks import Callback

FEATURES, CLASSES = 12, 4

X = torch.from_numpy(np.random.default_rng(0).normal(size=(ALL, FEATURES)).astype(np.float32))
Y = X[:, :CLASSES].argmax(1)

Data = data_module(hm, X, Y)


class ForeignData(Data):
    def get_dataloader(self, train):
        return DataLoader(TensorDataset(X[: self.count], Y[: self.count]), BATCH)


class Model(hm.Classifier):
    def __init__(self, *layers, optimizer=lambda weights: torch.optim.SGD(weights, 0.2)):
        super().__init__()
        self.board.display = False
        self.net, self.optimizer = nn.Sequential(*layers), optimizer

    def configure_optimizers(self):
        return self.optimizer(self.parameters())


class BookModel(Model):
    def training_step(self, batch):
        loss = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("loss", loss, train=True)
        return loss


class PlainTensors(Model):
    """Keeps weights in a strided tensor, in a list, and where no attribute shows them."""

    def __init__(self, optimizer):
        super().__init__(nn.Linear(FEATURES, 8), nn.ReLU(), optimizer=optimizer)
        self.W = torch.randn(CLASSES, 16)[:, ::2].t().requires_grad_()
        self.b = [torch.zeros(CLASSES, requires_grad=True)]
        self.hidden = {"layer": nn.Linear(FEATURES, CLASSES)}

    def forward(self, X):
        return self.net(X) @ self.W + self.b[0] + self.hidden["layer"](X)

    def configure_optimizers(self):
        hidden = self.hidden["layer"].parameters()
        return self.optimizer([*self.parameters(), self.W, *self.b, *hidden])


class Flat(nn.Module):
    """Flattens examples in the way that needs some."""

    def forward(self, X):
        return X.view(X.size(0), -1)


class Standardized(nn.Module):
    """Returns NaN for an example of zeros."""

    def forward(self, X):
        return (X - X.mean(1, keepdim=True)) / X.std(1, keepdim=True)


class TwoLayers(nn.Module):
    """Uses its second layer in every ``every``-th step."""

    def __init__(self, every):
        super().__init__()
        self.first, self.second = nn.Linear(FEATURES, CLASSES), nn.Linear(FEATURES, CLASSES)
        self.every, self.steps = every, 0

    def forward(self, X):
        self.steps += self.training
        return self.first(X) + (self.second(X) if self.steps % self.every == 1 else 0)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(16, 8, sparse=True)

    def forward(self, X):
        return self.embedding((4 * X.abs()).long().clamp(max=15)).mean(1)


class OwnBatchNorm(nn.BatchNorm1d):
    def forward(self, X):
        return super().forward(X)


class Masks(nn.Module):
    """Records masks of dropout."""

    def __init__(self):
        super().__init__()
        self.found = []

    def forward(self, X):
        if self.training:
            self.found.append(nn.functional.dropout(torch.ones(64)).numpy())
        return X


class Unfreezing(Callback):
    def on_epoch(self, trainer, record):
        trainer.model.net[0].requires_grad_(True)


class Copying(Callback):
    """Uses copies of the model in training mode, in the first process alone."""

    def on_epoch(self, trainer, record):
        norm = trainer.model.net[2]
        copies = [copy.deepcopy(trainer.model).net[2], pickle.loads(pickle.dumps(norm))]
        if RANK == 0:
            for one in copies:
                assert one.train() is not norm
                one(torch.rand(5, 8))


def frozen():
    model = Model(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, CLASSES))
    model.net[0].requires_grad_(False)
    return model


def normalizing(cls=Model, **options):
    # Without a bias, whose gradient would be zero but for rounding.
    linear, norm = nn.Linear(FEATURES, 8, bias=False), nn.BatchNorm1d(8, **options)
    return cls(Flat(), linear, norm, nn.ReLU(), nn.Linear(8, CLASSES))


def adamw(weights):
    return torch.optim.AdamW(weights, 0.01)


def sgd(weights):
    return hm.SGD([*weights], 0.2)


#: By name: functions that return a model, and the data and further arguments of the trainer.
FITS = {
    "unused layer": (lambda: Model(TwoLayers(every=1000), optimizer=adamw), Data(), {}),
    "layer used at times": (lambda: Model(TwoLayers(every=2)), Data(), {}),
    "frozen layer": (frozen, Data(), {}),
    "layer frozen at first": (frozen, Data(), {"callbacks": [Unfreezing()]}),
    "plain tensors": (lambda: PlainTensors(sgd), Data(FEW), {"gradient_clip_val": 0.5}),
    "plain tensors in Adam": (lambda: PlainTensors(adamw), Data(FEW), {}),
    "no parameters": (lambda: hm.SoftmaxRegressionScratch(FEATURES, CLASSES, 0.2), Data(FEW), {}),
    "sparse gradients": (lambda: Model(Words(), nn.Linear(8, CLASSES)), Data(FEW), {}),
    "lazy layers": (
        lambda: Model(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(CLASSES)),
        ForeignData(FEW),
        {},
    ),
    "batch norm": (normalizing, Data(FEW), {"callbacks": [Copying()]}),
    "other batch norm": (lambda: normalizing(affine=False, momentum=None), Data(FEW), {}),
    "batch norm in steps": (lambda: normalizing(BookModel), Data(FEW), {}),
    "NaN without examples": (
        lambda: Model(Standardized(), nn.Linear(FEATURES, CLASSES)),
        Data(FEW),
        {},
    ),
}


def results():
    """Return the weights and figures of all fits by name; of the processes, all have the same."""
    found = {}
    for name, (make, data, options) in FITS.items():
        torch.manual_seed(0)
        model = make()
        model.board.display = False
        disturb(model)
        trainer = hm.Trainer(2, seed=0, **options)
        trainer.fit(model, data)
        found |= figures(name, trainer, model, data)
    assert_same(trainer.group, found)
    return found


def disturb(model):
    """Change the weights of all processes but the first."""
    with torch.no_grad():
        for weight in [*nn.Module.parameters(model), *model.buffers()]:
            if not nn.parameter.is_lazy(weight):
                weight.add_(RANK)
        for _, weight in scratch_weights(model):
            weight.add_(RANK)
        for layer in getattr(model, "hidden", {}).values():
            layer.weight.add_(RANK)


def masks(state):
    """Return the masks of a fit and of one that goes on with it, (2, processes, elements)."""
    found = []
    for epochs in (1, 2):
        model = Model(nn.LazyLinear(8), Masks(), nn.LazyLinear(CLASSES))
        trainer = hm.Trainer(epochs, seed=0, resume=state)
        trainer.fit(model, Data())
        found.append(trainer.group.gather(model.net[1].found[0][None]))
    return np.stack(found)


def warned():
    """Return what is warned of when a model has a BatchNorm with a forward of its own."""
    model = Model(OwnBatchNorm(FEATURES), nn.Linear(FEATURES, CLASSES))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UserWarning)
        hm.Trainer(1, seed=0).fit(model, Data(2 * BATCH))
    return [str(one.message) for one in found]


def main():
    """Write the results, in the first process."""
    (path,) = sys.argv[1:]
    found = results() | {"masks": masks(f"{path}.state"), "warned": warned()}
    write(path, found)


if __name__ == "__main__":
    main()
