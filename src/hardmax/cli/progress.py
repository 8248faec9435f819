"""The progress of training on the command line."""

import sys

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from hardmax.data.datasets import Dataset
from hardmax.runs.train import RunCallback
from hardmax.training.contracts import EpochRecord, Trainer

__all__ = ["Progress"]


class Progress(RunCallback):
    """Prints a line per epoch on stdout, and a progress bar on stderr if that is a terminal.

    ``quiet`` turns the lines off.
    """

    def __init__(self, epochs: int, quiet: bool):
        self.epochs = epochs
        self.quiet = quiet
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self.bars = Bars(
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal,
            # On one terminal rich keeps lines and bar apart; redirected lines must go to stdout.
            redirect_stdout=sys.stdout.isatty(),
        )
        self.bar = self.bars.add_task("training", total=epochs)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.bars.stop()

    def on_data(self, dataset: Dataset) -> None:
        """Find the name of the set that the epochs are evaluated on."""
        self.held_out = "test" if dataset.validation is None else "validation"

    def on_fit_start(self, trainer: Trainer) -> None:
        """Show the bar, only now because loading the data may show its own."""
        self.bars.start()

    def on_chunk(self, trainer: Trainer) -> None:
        """Update the bar."""
        completed = trainer.train_batch_idx / trainer.num_train_batches
        self.bars.update(self.bar, completed=completed, description=f"epoch {trainer.epoch + 1}")

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Print a line for the epoch."""
        if self.quiet:
            return
        line = (
            f"epoch {record['epoch']:>{len(str(self.epochs))}}/{self.epochs}"
            f"  train loss {record['train_loss']:.4f} accuracy {record['train_accuracy']:.4f}"
            f"  {self.held_out} loss {record['val_loss']:.4f}"
            f" accuracy {record['val_accuracy']:.4f}  {record['seconds']:.2f} s"
        )
        if record["compile_seconds"]:
            line += f" (and {record['compile_seconds']:.2f} s to compile)"
        print(line, flush=True)
