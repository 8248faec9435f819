"""hardmax with the book's API."""

from dataclasses import replace

from flax import linen as nn

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Fit, Task
from benchmarks.with_hardmax import fit
from hardmax import jax as d2l
from hardmax.networks.layouts import from_channels_last, to_channels_last


class MLP(d2l.Classifier):
    """The book's multilayer perceptron."""

    num_outputs: int
    num_hiddens: int
    lr: float

    @nn.compact
    def __call__(self, X):
        X = X.reshape((X.shape[0], -1))
        X = nn.relu(nn.Dense(self.num_hiddens)(X))
        return nn.Dense(self.num_outputs)(X)


#: Flax's paths of the portable weights' layers.
LAYERS = {
    "softmax-regression": {"1": "params.net.layers_1"},
    "mlp": {"1": "params.Dense_0", "3": "params.Dense_1"},
    "lenet": {position: f"params.net.layers_{position}" for position in ("0", "3", "7", "9", "11")},
}


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
    names = {
        native: portable
        for position, layer in LAYERS[task.model].items()
        for native, portable in (
            (f"{layer}.kernel", f"{position}.weight"),
            (f"{layer}.bias", f"{position}.bias"),
        )
    }
    start = to_channels_last(task.architecture, task.shape, task.weights())
    trainer.set_weights(model, {native: start[portable] for native, portable in names.items()})
    result = fit(trainer, model, data)
    trained = {names[native]: weight for native, weight in result.weights.items()}
    return replace(result, weights=from_channels_last(task.architecture, task.shape, trained))
