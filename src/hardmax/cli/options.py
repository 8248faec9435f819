"""Arguments that several commands share, and helpers to parse and to print."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.errors import ArgumentError

__all__ = [
    "INTERRUPTED",
    "AbstainBelow",
    "Activation",
    "Balanced",
    "BatchSize",
    "Channels",
    "Clip",
    "CostsFile",
    "Data",
    "Device",
    "Dropout",
    "Epochs",
    "Framework",
    "Hidden",
    "Init",
    "Json",
    "Label",
    "Momentum",
    "Optimizer",
    "Rate",
    "RunFolder",
    "Schedule",
    "Seed",
    "Size",
    "SkipBad",
    "Test",
    "Warmup",
    "WeightDecay",
    "fraction_or_source",
    "notice",
    "print_json",
    "sides",
    "widths",
]

#: The exit code of a command that was interrupted by Ctrl-C.
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
Framework = Annotated[
    str | None,
    typer.Option(
        help="Framework: torch, jax, tensorflow or mxnet.  [default: the one used for training]"
    ),
]

# Decision rules

CostsFile = Annotated[
    Path | None,
    typer.Option(
        "--costs",
        metavar="COSTS.csv",
        help="Decide by the least expected cost; the CSV has a row per true class and a column "
        "per decision.",
    ),
]
AbstainBelow = Annotated[
    float | None,
    typer.Option(metavar="P", help="Abstain if the highest class probability is below P."),
]

# Settings of a training

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, fashion-mnist, a folder of images (one subfolder per class) or of IDX files, "
        "an .npz file, or a table (.csv, .tsv or .parquet; requires --label).",
    ),
]
Balanced = Annotated[
    bool,
    typer.Option(
        "--balanced", help="Resample the training set so that all classes are equally frequent."
    ),
]
Test = Annotated[
    str | None,
    typer.Option(
        help="Test set: other data, or the fraction to split off data without a test set.  "
        "[default: the test set of the data, or 0.2]"
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="Size to scale images to, such as 32 or 24x32 (height x width).  "
        "[default: depends on the data]"
    ),
]
Channels = Annotated[
    int | None,
    typer.Option(help="1 for grayscale, 3 for color.  [default: depends on the data]"),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Skip image files that cannot be read.")]
Label = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of a table that holds the classes.")
]
Hidden = Annotated[
    str | None,
    typer.Option(help="Units of the hidden layers of an mlp, such as 256 or 256,128."),
]
Activation = Annotated[
    str | None, typer.Option(help="Activation of an mlp: relu, sigmoid or tanh.")
]
Dropout = Annotated[
    float | None, typer.Option(help="Dropout probability of the hidden units of an mlp.")
]
Init = Annotated[
    str | None,
    typer.Option(help="Weight initializer: normal, xavier or he.  [default: depends on the model]"),
]
Epochs = Annotated[int, typer.Option(help="Number of passes over the training set.")]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Examples per step.  [default: 256, down to 16 for small data sets]"),
]
Rate = Annotated[
    float | None,
    typer.Option(help="Learning rate.  [default: 0.1; 0.001 for adam and adamw]"),
]
Optimizer = Annotated[str, typer.Option(help="Optimizer: sgd, adam or adamw.")]
Momentum = Annotated[float, typer.Option(help="Momentum of sgd.")]
WeightDecay = Annotated[float, typer.Option(help="Weight decay coefficient.")]
Schedule = Annotated[str, typer.Option(help="Learning rate schedule: constant, step or cosine.")]
Warmup = Annotated[float, typer.Option(help="Epochs of linear learning rate warmup.")]
Clip = Annotated[
    float, typer.Option(help="Clip the global gradient norm to this value; 0 turns it off.")
]
Seed = Annotated[
    int, typer.Option(help="Random seed of the initial weights, the splits and the batches.")
]
Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda:0 or mps.")]


def widths(text: str | None) -> tuple[int, ...] | None:
    """Return the integers in text such as ``256,128``.

    Raises ArgumentError if there is anything else in it.
    """
    if text is None:
        return None
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"--hidden must be integers separated by commas, such as 256,128, got {text!r}"
        ) from None


def sides(text: str | None) -> tuple[int, int] | None:
    """Return (height, width) parsed from ``24x32``, or from ``32`` for a square.

    Raises ArgumentError for any other text.
    """
    if text is None:
        return None
    numbers = text.split("x")
    if len(numbers) > 2 or not all(side.isascii() and side.isdigit() for side in numbers):
        raise ArgumentError(
            f"--size must be one integer or HEIGHTxWIDTH, such as 32 or 24x32, got {text!r}"
        )
    return int(numbers[0]), int(numbers[-1])


def fraction_or_source(text: str | None) -> float | str | None:
    """Return the text as a float if it is a number, otherwise unchanged."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def notice(message: str) -> None:
    """Print a message on one line of stderr."""
    print(plain(f"hardmax: {message}"), file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as strict JSON, on one line of stdout."""
    from hardmax.runs.run import dumps

    print(dumps(value))
