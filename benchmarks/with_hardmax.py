"""hardmax's command line in every framework; the book's API has a module for each."""

from typing import Any

from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from hardmax import frameworks
from hardmax.cli.progress import Progress
from hardmax.runs.best_weights import BestWeights
from hardmax.runs.settings import Settings
from hardmax.training.callbacks import Callback
from hardmax.training.recipes import Recipe


class EpochTimer(Clock, Callback):
    """Marks the end of each epoch. As the last callback it includes the time of the others."""

    def on_epoch(self, trainer: Any, record: dict[str, Any]) -> None:
        self.mark()


def command_line(task: Task) -> Fit:
    """Train with the calls and callbacks of ``hardmax.runs.train.train``."""
    backend = frameworks.load(task.framework)
    dataset = task.dataset
    model = backend.models.NetworkClassifier(task.architecture, dataset.shape, Recipe(LR))
    model.board.display = False
    trainer = backend.Trainer(task.epochs, seed=task.seed, device="cpu")
    trainer.set_weights(model, task.weights())
    data = backend.data.ImageData(dataset.train, dataset.test, BATCH_SIZE)
    progress = Progress(quiet=True)
    progress.on_data(dataset, Settings(data=dataset.name, model="mlp", epochs=task.epochs))
    return fit(trainer, model, data, BestWeights(None), progress)


def fit(trainer: Any, model: Any, data: Any, *callbacks: Callback) -> Fit:
    """Fit, and return the results, with the weights under the trainer's names."""
    timer = EpochTimer()
    trainer.callbacks = [*callbacks, timer]
    trainer.fit(model, data)
    last = trainer.history[-1]
    return Fit(
        timer.seconds(), trainer.get_weights(model), last["train_loss"], last["val_accuracy"]
    )
