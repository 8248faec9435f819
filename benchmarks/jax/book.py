"""hardmax as a reader of the book writes it."""

from dataclasses import replace

from flax import linen as nn

from benchmarks.task import BATCH_SIZE, CLASSES, LR, Fit, Task
from benchmarks.with_hardmax import fit
from hardmax import jax as d2l


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


#: Where Flax keeps what the portable weights call by these names.
LAYERS = {
    "softmax-regression": {"1": "params.net.layers_1"},
    "mlp": {"1": "params.Dense_0", "3": "params.Dense_1"},
}


def book(task: Task) -> Fit:
    data = d2l.FashionMNIST(batch_size=BATCH_SIZE)
    models = {
        "softmax-regression": lambda: d2l.SoftmaxRegression(num_outputs=CLASSES, lr=LR),
        "mlp": lambda: MLP(num_outputs=CLASSES, num_hiddens=256, lr=LR),
    }
    model = models[task.model]()
    model.board.display = False
    trainer = d2l.Trainer(max_epochs=task.epochs, seed=task.seed)
    names = {
        own: portable
        for position, layer in LAYERS[task.model].items()
        for own, portable in (
            (f"{layer}.kernel", f"{position}.weight"),
            (f"{layer}.bias", f"{position}.bias"),
        )
    }
    start = task.weights()
    # Flax keeps (inputs, outputs). With one channel, it flattens a picture as everybody does.
    trainer.set_weights(model, {own: start[portable].T for own, portable in names.items()})
    done = fit(trainer, model, data)
    return replace(done, weights={names[own]: w.T for own, w in done.weights.items()})
