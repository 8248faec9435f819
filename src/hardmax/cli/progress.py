"""The progress of training on the command line."""

import sys

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from hardmax.cli.options import notice
from hardmax.data.datasets import Dataset
from hardmax.plotting.drawers import redraws
from hardmax.runs.best_weights import best_epoch
from hardmax.runs.fitting import best_by
from hardmax.runs.settings import Settings
from hardmax.runs.train import RunCallback
from hardmax.training.contracts import EpochRecord, Trainer

__all__ = ["Progress"]


#: The width of the numbers of an epoch and of all epochs.
EPOCH = 9


class Progress(RunCallback):
    """Prints a row per epoch on stdout, and a progress bar on stderr if that is a terminal.

    ``quiet`` turns the rows off. ``notices`` are printed once the data is read and checked.
    """

    def __init__(self, quiet: bool):
        self.quiet = quiet
        self.notices: list[str] = []
        self.member = 0
        self.has_titles = False
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self.bars = Bars(
            *columns,
            console=Console(stderr=True),
            transient=True,
            disable=not redraws(sys.stderr),
            # On one terminal rich keeps lines and bar apart; redirected lines must go to stdout.
            redirect_stdout=redraws(sys.stdout),
        )
        self.bar = self.bars.add_task("training", total=None)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.bars.stop()

    def on_data(self, dataset: Dataset, settings: Settings) -> None:
        """Find the number of epochs, and the name of the set that they are evaluated on."""
        for one in self.notices:
            notice(one)
        self.epochs, self.members = settings.epochs, settings.members
        self.best_by = best_by(settings)
        has_validation = dataset.validation is not None or settings.folds is not None
        self.held_out = "validation" if has_validation else "test"
        self.bars.update(self.bar, total=settings.epochs * settings.members)

    def on_resume(self, networks: int) -> None:
        """Count the networks that are trained."""
        self.member = networks

    def on_fit_start(self, trainer: Trainer) -> None:
        """Show the bar, only now because loading the data may show its own."""
        self.bars.start()
        self.member += 1

    def on_chunk(self, trainer: Trainer) -> None:
        """Update the bar."""
        epochs = trainer.train_batch_idx / trainer.num_train_batches
        completed = (self.member - 1) * self.epochs + epochs
        description = f"epoch {trainer.epoch + 1}"
        if self.members > 1:
            description = f"network {self.member}/{self.members} {description}"
        self.bars.update(self.bar, completed=completed, description=description)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Print a row for the epoch, unless there are those of several networks."""
        if self.quiet or self.members > 1:
            return
        if not self.has_titles:
            self.has_titles = True
            self.compiles = bool(record["compile_seconds"])
            self._print_titles()
        line = (
            f"{record['epoch']:>{len(str(self.epochs))}}/{self.epochs}".ljust(EPOCH)
            + f"{record['train_loss']:>12.4f}{record['train_accuracy']:>10.4f}"
            f"{record['val_loss']:>17.4f}{record['val_accuracy']:>10.4f}"
            f"{record['seconds']:>9.2f}"
        )
        if self.compiles:
            line += f"{record['compile_seconds']:>11.2f}"
        print(line, flush=True)

    def _print_titles(self) -> None:
        titles = (
            f"{'epoch':<{EPOCH}}{'train loss':>12}{'accuracy':>10}"
            f"{f'{self.held_out} loss':>17}{'accuracy':>10}{'seconds':>9}"
        )
        print(f"{titles}{'compile s':>11}" if self.compiles else titles)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Print a line for a network of several."""
        if self.quiet or self.members == 1:
            return
        seconds = sum((epoch["seconds"] or 0) for epoch in trainer.history)
        kept = best_epoch(trainer.history, self.best_by)
        print(
            f"network {self.member:>{len(str(self.members))}}/{self.members}"
            f"  epoch {kept['epoch']} of {len(trainer.history)}, {self.held_out} accuracy"
            f" {kept['val_accuracy']:.4f}  {seconds:.2f} s",
            flush=True,
        )
