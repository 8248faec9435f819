"""hardmax as its command line trains, in every framework; the book's way has a file in each."""

from typing import Any

from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from hardmax import frameworks
from hardmax.cli.progress import Progress
from hardmax.runs.best_weights import Keeper
from hardmax.training.callbacks import Callback
from hardmax.training.recipes import Recipe


class Watch(Clock, Callback):
    """Marks the ends of the epochs. As the last of the callbacks it times the others too."""

    def on_epoch(self, trainer: Any, record: dict[str, Any]) -> None:
        self.mark()


def command_line(task: Task) -> Fit:
    """Train by the calls, and with the callbacks, of ``hardmax.runs.train.train``."""
    sibling = frameworks.load(task.framework)
    dataset = task.dataset
    model = sibling.models.NetworkClassifier(task.architecture, dataset.shape, Recipe(LR))
    model.board.display = False
    trainer = sibling.Trainer(task.epochs, seed=task.seed, device="cpu")
    trainer.set_weights(model, task.weights())
    data = sibling.data.PictureData(dataset.train, dataset.test, BATCH_SIZE)
    progress = Progress(task.epochs, "test", quiet=True)
    return fit(trainer, model, data, Keeper(lowest=False), progress)


def fit(trainer: Any, model: Any, data: Any, *callbacks: Callback) -> Fit:
    """Fit, and return what came of it, the weights by the names that the trainer has for them."""
    watch = Watch()
    trainer.callbacks = [*callbacks, watch]
    trainer.fit(model, data)
    last = trainer.history[-1]
    return Fit(
        watch.seconds(), trainer.get_weights(model), last["train_loss"], last["val_accuracy"]
    )
