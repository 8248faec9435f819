"""A training in a notebook: curves, and below them how far it is."""

import re

import pytest
from notebooks import executed

pytestmark = pytest.mark.shared

CELLS = {
    "trained": """
import logging, sys, time
import numpy as np
from hardmax import torch as hm
from hardmax.data.datasets import Images
from hardmax.torch.data import ImageData
from hardmax.training.callbacks import Callback

logging.basicConfig(level=logging.INFO, stream=sys.stdout)

class Slow(Callback):
    def on_chunk(self, trainer):
        time.sleep(0.3)
        if trainer.epoch == self.last:
            raise RuntimeError("stopped")

def fit(last=None):
    Slow.last = last
    labels = np.arange(60) % 3
    images = Images(np.zeros((60, 2, 2, 1), np.uint8), labels)
    data = ImageData(images, images, 10)
    model = hm.SoftmaxRegression(num_outputs=3, lr=0.1)
    hm.Trainer(3, seed=0, callbacks=[Slow()]).fit(model, data)
    return model

model = fit()
""",
    "stopped": "fit(last=1)",
    "later": "model.board.draw(4, 0.5, 'train_loss')",
}


@pytest.fixture(scope="module")
def cells():
    return executed(CELLS)


def lines(cell):
    """Return what a cell showed below its curves, in order."""
    return [
        re.fullmatch(r"<img .*>\n<div>(.*)</div>", one.data["text/html"])[1]
        for one in cell.metadata["shown"]
    ]


def test_how_far_a_training_is_is_shown_with_its_curves(cells):
    shown = cells["trained"].metadata["shown"]
    assert len({one.display_id for one in shown}) == 1
    *running, last = lines(cells["trained"])
    found = [
        re.fullmatch(
            r'<progress value="(\S+)" max="3" [^>]*></progress> '
            r"epoch (\d)/3, (\d+) % of it; \d+ seconds?, about \d+ seconds? left",
            line,
        ).groups()
        for line in running
    ]
    # The host has control twice an epoch, and after the evaluation.
    assert len(found) >= 6
    for value, epoch, percent in found:
        assert float(value) == pytest.approx(int(epoch) - 1 + int(percent) / 100, abs=0.01)
    assert [*found] == sorted(found, key=lambda one: float(one[0]))
    assert {"50", "100"} <= {percent for _, _, percent in found}
    assert re.fullmatch(r"3 epochs, [\d.]+ seconds", last)


def test_the_finished_notebook_has_the_curves_and_a_last_line_and_no_log(cells):
    (output,) = cells["trained"].outputs
    assert output.output_type == "display_data"
    assert "<svg" in output.data["image/svg+xml"]
    assert "<progress" not in output.data["text/html"]
    assert (
        'alt="curves: training loss, validation loss, validation accuracy"'
        in (output.data["text/html"])
    )
    assert re.fullmatch(r"3 epochs, [\d.]+ seconds", output.data["text/plain"])


def test_a_training_that_fails_says_how_many_epochs_it_had(cells):
    assert [one.output_type for one in cells["stopped"].outputs] == ["display_data", "error"]
    assert re.fullmatch(r"1 epoch of 3, [\d.]+ seconds", lines(cells["stopped"])[-1])


def test_after_the_training_a_board_is_a_plot_alone(cells):
    (output,) = cells["later"].outputs
    assert "text/html" not in output.data
    assert "<svg" in output.data["image/svg+xml"]
