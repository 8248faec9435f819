"""JAX only: what several processes have of one's random numbers, and how they start and end."""

import numpy as np
import pytest
from commands import run_process
from torchrun import ended, start

pytestmark = pytest.mark.slow

#: Fits a network with dropout to mixed images, and writes its weights; the last of several
#: processes ends last. Then a model without a seed has the same weights in all of them.
FITTING = """
import random, sys, time
import numpy as np
from hardmax import jax as hm
from hardmax.data.images.digits import load_digits
from hardmax.networks import layers
from hardmax.networks.initializers import initial_weights
from hardmax.runs.session import Session
from hardmax.training.recipes import Recipe

digits, group = load_digits(), hm.Trainer.processes.join()
network = (layers.Flatten(), layers.Linear(16), layers.Activation("relu"), layers.Dropout(0.5))
network = (*network, layers.Linear(10))
weights, recipe = initial_weights(network, digits.shape, 0), Recipe(lr=0.1)
session = Session(hm, network, digits.shape, weights, recipe, 2, seed=1)
session.fit(digits.train.take(slice(0, 201)), None, 50, augment=("shift", "mixup"))
if group.is_first:
    np.savez(sys.argv[1], **session.weights())

data = hm.SyntheticRegressionData(hm.ones(2), 1.0, num_train=8, num_val=8)
random.seed(group.place.rank)
model, trainer = hm.LinearRegression(lr=0.1), hm.Trainer(1)
trainer.scores(model, data.val_dataloader())
drawn = trainer.get_weights(model)["params.net.kernel"]
assert len(np.unique(group.gather(drawn.T), axis=0)) == 1
time.sleep(2 * group.place.rank)
"""

#: Computes in JAX before hardmax starts it in all processes.
TOO_EARLY = """
import jax
jax.numpy.zeros(1)
try:
    import hardmax.jax
except Exception as error:
    print(error)
"""


def test_dropout_and_mixup_are_those_of_one_process(tmp_path, monkeypatch):
    alone = run_process(tmp_path, "1.npz", program=("-c", FITTING))
    assert alone.returncode == 0, alone.stderr
    # A proxy that is none must not be asked for the other processes.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    codes, printed = ended(start(2, "-c", FITTING, "2.npz"))
    assert (codes, printed) == ([0, 0], [("", ""), ("", "")])
    with np.load("1.npz") as one, np.load("2.npz") as two:
        assert one.keys() == two.keys()
        for name, array in one.items():
            np.testing.assert_allclose(two[name], array, atol=1e-5, err_msg=name)


def test_jax_must_not_have_computed_before():
    codes, printed = ended(start(2, "-c", TOO_EARLY))
    assert codes == [0, 0]
    for out, _ in printed:
        assert out.startswith("JAX cannot start in 2 processes: ")
        assert "; import hardmax.jax before anything is computed in JAX" in out
