"""Fits in processes of their own, which are killed or run out of disk space."""

import json
import signal
import subprocess
import sys

import pytest

from hardmax.training.states import StateFiles

#: Fits a network in the framework argv[1], with the state in the file argv[2], and is killed in
#: the way argv[3]; prints the result otherwise.
FIT = """if True:
    import importlib, json, os, resource, signal, sys, warnings
    from pathlib import Path
    import numpy as np
    from hardmax.data.datasets import Images
    from hardmax.networks import layers
    from hardmax.networks.initializers import initial_weights
    from hardmax.training.callbacks import Callback
    from hardmax.training.recipes import Recipe

    framework, path, way = sys.argv[1:]
    fw = importlib.import_module(f"hardmax.{framework}")
    replace, calls = Path.replace, []

    def killed_renaming(source, target):
        calls.append(source)
        if len(calls) == 16:  # a save renames three files
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(source, target)

    if way == "renaming":
        Path.replace = killed_renaming

    class Way(Callback):
        chunks = 0

        def on_chunk(self, trainer):
            self.chunks += 1
            if self.chunks == 3 and way == "chunk":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.chunks == 4 and way == "full disk":
                resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (203, 6, 6, 1), dtype=np.uint8)
    images = Images(pixels, generator.integers(0, 4, 203))
    network = (layers.Conv(3, 3), layers.Dropout(0.3), layers.GlobalPool(), layers.Linear(4))
    model = fw.models.NetworkClassifier(network, (6, 6, 1), Recipe(0.02, "adam", schedule="cosine"))
    fw.Trainer(1).set_weights(model, initial_weights(network, (6, 6, 1), 0))
    data = fw.data.ImageData(images, images.take(np.arange(50)), 2 if framework == "mxnet" else 8)
    trainer = fw.Trainer(
        3, seed=0, resume=path, checkpoint_every=1e-9, patience=1, callbacks=[Way()]
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trainer.fit(model, data)
    history = [[r["train_loss"], r["val_loss"], r["val_accuracy"]] for r in trainer.history]
    weights = {name: w.tobytes().hex() for name, w in trainer.get_weights(model).items()}
    found = [str(one.message) for one in told if "state" in str(one.message)]
    print(json.dumps({"fit": [history, weights, model.board.data], "told": found}))
"""


def fit_process(framework, path, way="none"):
    """Run FIT in a process; return its exit code, and what it printed if it was not killed."""
    done = subprocess.run(
        [sys.executable, "-c", FIT, framework, path, way],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else None


@pytest.mark.slow
def test_a_process_that_is_killed_twice(framework, tmp_path):
    path = tmp_path / "fit.safetensors"
    assert fit_process(framework, path, "chunk") == (-signal.SIGKILL, None)
    assert path.exists()
    assert fit_process(framework, path, "renaming") == (-signal.SIGKILL, None)
    done = fit_process(framework, path)
    assert done == fit_process(framework, tmp_path / "other.safetensors")
    assert done[1]["told"] == []


@pytest.mark.shared
def test_a_full_disk_is_told_once_and_the_last_state_stays(framework, tmp_path):
    path = tmp_path / "fit.safetensors"
    code, full = fit_process(framework, path, "full disk")
    assert code == 0
    (told,) = full["told"]
    assert told.startswith("the state of the fit was not saved: cannot write ")
    assert "File too large" in told
    assert "\n" not in told
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "fit.previous.safetensors",
        "fit.safetensors",
    ]
    assert StateFiles(path).load()["epoch"]["batches_done"] > 8
    again = fit_process(framework, path)
    assert again == (0, {"fit": full["fit"], "told": []})
