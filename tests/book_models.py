"""A model as a reader of the book writes it in each framework, with its own optimizer."""

import importlib


def dropout_mlp(framework, fw):
    """Return the class of an MLP with BatchNorm and Dropout, whose arguments have defaults.

    Its layers are lazy where the framework has lazy layers.
    """
    return MAKERS[framework](fw)


def bfloat16_mlp(framework, fw):
    """Return the same with weights in bfloat16, which NumPy lacks, and scores in float32."""
    cls = dropout_mlp(framework, fw)
    if framework == "torch":
        torch = importlib.import_module("torch")

        class Bfloat16MLP(cls):
            def __init__(self):
                torch.set_default_dtype(torch.bfloat16)
                try:
                    super().__init__()
                finally:
                    torch.set_default_dtype(torch.float32)

            def forward(self, X):
                return self.net(X.bfloat16()).float()

    else:
        keras = importlib.import_module("keras")

        class Bfloat16MLP(cls):
            def __init__(self):
                keras.config.set_dtype_policy("bfloat16")
                try:
                    super().__init__()
                finally:
                    keras.config.set_dtype_policy("float32")

            def call(self, X):
                return keras.ops.cast(self.net(X), "float32")

    return Bfloat16MLP


def _in_torch(fw):
    torch = importlib.import_module("torch")
    nn = torch.nn

    class DropoutMLP(fw.Classifier):
        def __init__(self, num_hiddens=12, lr=0.01):
            super().__init__()
            self.save_hyperparameters()
            self.net = nn.Sequential(
                nn.Flatten(),
                nn.LazyLinear(num_hiddens),
                nn.LazyBatchNorm1d(),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.LazyLinear(4),
            )

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=self.lr, weight_decay=0.01)

    return DropoutMLP


def _in_jax(fw):
    nn, optax = map(importlib.import_module, ("flax.linen", "optax"))

    class DropoutMLP(fw.Classifier):
        num_hiddens: int = 12
        lr: float = 0.01
        training: bool = True

        def setup(self):
            self.net = nn.Sequential(
                [
                    lambda X: X.reshape(len(X), -1),
                    nn.Dense(self.num_hiddens),
                    nn.BatchNorm(use_running_average=not self.training),
                    nn.relu,
                    nn.Dropout(0.5, deterministic=not self.training),
                    nn.Dense(4),
                ]
            )

        def configure_optimizers(self):
            return optax.adamw(self.lr, weight_decay=0.01)

    return DropoutMLP


def _in_tensorflow(fw):
    keras = importlib.import_module("keras")

    class DropoutMLP(fw.Classifier):
        def __init__(self, num_hiddens=12, lr=0.01):
            super().__init__()
            self.save_hyperparameters()
            self.net = keras.Sequential(
                [
                    keras.layers.Flatten(),
                    keras.layers.Dense(num_hiddens),
                    keras.layers.BatchNormalization(),
                    keras.layers.ReLU(),
                    keras.layers.Dropout(0.5),
                    keras.layers.Dense(4),
                ]
            )

        def configure_optimizers(self):
            return keras.optimizers.AdamW(self.lr, weight_decay=0.01)

    return DropoutMLP


def _in_mxnet(fw):
    gluon = importlib.import_module("mxnet.gluon")

    class DropoutMLP(fw.Classifier):
        def __init__(self, num_hiddens=12, lr=0.01):
            super().__init__()
            self.save_hyperparameters()
            self.net = gluon.nn.Sequential()
            self.net.add(
                gluon.nn.Dense(num_hiddens),
                gluon.nn.BatchNorm(),
                gluon.nn.Activation("relu"),
                gluon.nn.Dropout(0.5),
                gluon.nn.Dense(4),
            )
            self.net.initialize()

        def configure_optimizers(self):
            options = {"learning_rate": self.lr, "wd": 0.01}
            return gluon.Trainer(self.parameters(), "adam", options)

    return DropoutMLP


MAKERS = {"torch": _in_torch, "jax": _in_jax, "tensorflow": _in_tensorflow, "mxnet": _in_mxnet}
