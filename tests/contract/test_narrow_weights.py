"""Weights of types that NumPy lacks are kept as float32, and set again without loss."""

import importlib

import numpy as np
import pytest


def narrow_model(fw, framework):
    """A linear classifier whose weights are bfloat16."""
    if framework == "torch":
        nn = importlib.import_module("torch").nn

        def init(self):
            super(Narrow, self).__init__()
            self.lr, self.net = 0.1, nn.Linear(4, 3).bfloat16()

        attributes = {"__init__": init}
    elif framework == "jax":
        nn, jnp = importlib.import_module("flax.linen"), importlib.import_module("jax.numpy")

        def setup(self):
            self.net = nn.Dense(3, dtype=jnp.bfloat16, param_dtype=jnp.bfloat16)

        attributes = {"lr": 0.1, "setup": setup}
    else:
        keras = importlib.import_module("tensorflow").keras

        def init(self):
            super(Narrow, self).__init__()
            self.lr, self.net = 0.1, keras.layers.Dense(3, dtype="bfloat16")

        attributes = {"__init__": init}
    Narrow = type("Narrow", (fw.Classifier,), attributes)
    return Narrow()


def dtypes(model, framework):
    if framework == "torch":
        weights = model.parameters()
    elif framework == "jax":
        weights = importlib.import_module("jax").tree.leaves(model.train_state.params)
    else:
        weights = model.weights
    return {str(weight.dtype).removeprefix("torch.") for weight in weights}


def test_bfloat16_weights_survive_patience_and_a_checkpoint(fw, framework, tmp_path):
    if framework == "mxnet":
        pytest.skip("MXNet cannot initialize bfloat16 weights")
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(32, 4)).astype(np.float32), generator.integers(0, 3, 32)

    X = fw.tensor(X).bfloat16() if framework == "torch" else fw.tensor(X)

    class Data(fw.DataModule):
        batch_size = 8

        def get_dataloader(self, train):
            return self.get_tensorloader((X, fw.tensor(y)), train)

    path = tmp_path / "weights.safetensors"
    model, other = narrow_model(fw, framework), narrow_model(fw, framework)
    trainer = fw.Trainer(2, seed=0, patience=1, checkpoint=path)
    trainer.fit(model, Data())
    fw.Trainer(1, seed=1).fit(other, Data())
    trainer.load_checkpoint(other, path)
    weights = trainer.get_weights(model)
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    for name, array in trainer.get_weights(other).items():
        np.testing.assert_array_equal(array, weights[name])
    assert dtypes(model, framework) == dtypes(other, framework) == {"bfloat16"}
