"""What the programs share that fit models of users in several processes, and their tests."""

import os

import numpy as np
import torchrun

#: The examples in a batch, of all, and so many that the last batch has fewer than there are
#: processes.
BATCH, ALL, FEW = 50, 205, 202

PROCESSES = 3
RANK = int(os.environ.get("RANK", 0))


def data_module(hm, X, Y):
    """Return the class of data of some of these examples, in batches of hardmax."""

    class Data(hm.DataModule):
        def __init__(self, count=ALL):
            super().__init__()
            self.count, self.batch_size = count, BATCH

        def get_dataloader(self, train):
            count = self.count if train else ALL
            return self.get_tensorloader([X[:count], Y[:count]], train)

    return Data


def figures(name, trainer, model, data):
    """Return the weights and figures of a fit by name."""
    found = {f"{name}: weights {key}": value for key, value in trainer.get_weights(model).items()}
    for record in trainer.history:
        found[f"{name}: losses {record['epoch']}"] = [record["train_loss"], record["val_loss"]]
    evaluation = trainer.evaluate(model, data)
    found[f"{name}: evaluation"] = [evaluation.loss, evaluation.accuracy]
    found[f"{name}: scores"] = trainer.scores(model, data.val_dataloader())
    return found


def assert_same(group, found):
    """Assert that all processes have found the same."""
    for name, value in found.items():
        (first,) = group.from_first(np.asarray(value))
        np.testing.assert_array_equal(value, first, err_msg=name)


def write(path, found):
    """Write what was found, in the first process; only there is anything warned of."""
    if RANK == 0:
        np.savez(path, **found)
    else:
        assert not found["warned"]


def together(program, folder):
    """Return what a program finds in several processes; none prints anything, nor native code."""
    path = folder / "found.npz"
    ended = torchrun.ended(torchrun.start(PROCESSES, program, str(path)))
    assert ended == ([0] * PROCESSES, [("", "")] * PROCESSES)
    with np.load(path) as found:
        return {name: found[name] for name in found}


def assert_as_alone(name, alone, together, atol):
    """Assert that a fit has come to the same in several processes as in one."""
    for key, value in alone.items():
        if key.startswith(f"{name}:"):
            np.testing.assert_allclose(together[key], value, rtol=1e-4, atol=atol, err_msg=key)
