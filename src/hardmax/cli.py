"""The command line: train, evaluate, predict."""

import io
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardmax import __version__
from hardmax.checks import plain
from hardmax.errors import HardmaxError

if TYPE_CHECKING:
    from hardmax.experiment import Trained

__all__ = ["main"]

INTERRUPTED = 130

app = typer.Typer(
    help="Train classifiers, judge them, and use them.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]


def main() -> None:
    """Run the command line; every error is one line on stderr and exit code 2."""
    # TensorFlow tells of itself on stderr unless it is asked not to before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # What a file is called must not decide whether it can be spoken of.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(prog_name="hardmax", standalone_mode=False)
    except HardmaxError as error:
        code = _fail(str(error))
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except MemoryError as error:
        code = _fail(f"out of memory: {error}; use smaller data or a smaller network")
    except OSError as error:
        code = _fail(f"{error.filename or 'cannot go on'}: {error.strerror}")
    except Exception as error:
        # Usage errors know how to tell themselves; anything else is a defect of ours.
        if not hasattr(error, "format_message"):
            raise
        code = _fail(error.format_message())
    sys.exit(code)


def _fail(message: str) -> int:
    _remark(" ".join(message.split()))
    return 2


def _remark(message: str) -> None:
    print(plain(f"hardmax: {message}"), file=sys.stderr)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"hardmax {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


@app.command()
def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="digits, fashion-mnist, or a folder with the four IDX files."
        ),
    ],
    model: Annotated[str, typer.Option(help="softmax-regression or mlp.")] = "softmax-regression",
    framework: Annotated[str, typer.Option(help="torch, jax, tensorflow or mxnet.")] = "torch",
    epochs: Annotated[int, typer.Option(help="How often to go through the data.")] = 10,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 256,
    lr: Annotated[float, typer.Option(help="The learning rate.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Decides weights and order; same seed, same run.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0 or mps.")] = "auto",
    validation: Annotated[
        float | None, typer.Option(help="Fraction of the training set to validate on.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many epochs without a lower validation loss."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="The run folder.  [default: runs/NAME]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a classifier and write a run folder."""
    from hardmax.experiment import Settings
    from hardmax.experiment import train as run_training

    settings = Settings(
        data, model, framework, epochs, batch_size, lr, seed, device, validation, patience
    )
    from hardmax.progress import Progress

    progress = Progress(epochs, "validation" if validation else "test", quiet=as_json)
    try:
        with progress:
            trained = run_training(settings, out, progress)
    except KeyboardInterrupt as interruption:
        _remark(f"interrupted {interruption}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        _print_json(_told(trained))
    else:
        if patience is not None:
            print(f"weights of epoch {trained.kept_epoch}, which had the lowest validation loss")
        print(f"test {trained.test}")
        print(plain(f"run {trained.path}"))
        print(plain(f"report {trained.path / 'report.html'}"))
    if trained.interrupted:
        _remark(
            f"interrupted; kept what {len(trained.epochs)} of {epochs} epochs gave, "
            f"in {trained.path}"
        )
        raise typer.Exit(INTERRUPTED)


def _told(trained: "Trained") -> dict[str, Any]:
    return {
        "run": str(trained.path),
        "framework": trained.settings.framework,
        "model": trained.settings.model,
        "seed": trained.settings.seed,
        "epochs": trained.epochs,
        "kept_epoch": trained.kept_epoch,
        "test": trained.test.as_dict(),
    }


@app.command()
def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Data to judge on.  [default: that of the training]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a run on a test set."""
    from hardmax import experiment

    evaluation = experiment.evaluate(run, data)
    if as_json:
        _print_json(evaluation.as_dict())
    else:
        print(f"test {evaluation}")


@app.command()
def predict(
    run: RunFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Picture files.")],
    as_json: Json = False,
) -> None:
    """Name the class of pictures."""
    from hardmax import experiment

    predictions, changes = experiment.predict(run, [str(file) for file in files])
    if changes:
        _remark(
            f"{len(changes)} of {len(files)} pictures were converted ({changes[0]}"
            f"{', ...' if len(changes) > 1 else ''})"
        )
    if as_json:
        _print_json([asdict(prediction) for prediction in predictions])
    else:
        for prediction in predictions:
            print(plain(f"{prediction.file}: {prediction.label} ({prediction.probability:.4f})"))


def _print_json(value: Any) -> None:
    from hardmax.run import dumps

    print(dumps(value))
