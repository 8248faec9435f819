"""Softmax regression and a multilayer perceptron on Fashion-MNIST, with the book's API.

Run it with ``python examples/fashion_mnist.py``; the learning curves are saved to ``mlp.svg``.
"""

from torch import nn

from hardmax import torch as hm


class MLP(hm.Classifier):
    def __init__(self, num_outputs, num_hiddens, lr):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(num_hiddens), nn.ReLU(), nn.LazyLinear(num_outputs)
        )


data = hm.FashionMNIST(batch_size=256)
trainer = hm.Trainer(max_epochs=10, seed=0)

for model in (hm.SoftmaxRegression(num_outputs=10, lr=0.1), MLP(10, num_hiddens=256, lr=0.1)):
    trainer.fit(model, data)
    print(f"{type(model).__name__}: {trainer.evaluate(model, data)}")

model.board.save("mlp.svg")
