"""What the commands share: arguments that many take, and how they speak."""

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
    "Start",
    "Test",
    "Warmup",
    "WeightDecay",
    "fraction_or_source",
    "print_json",
    "remark",
    "sides",
    "widths",
]

#: The exit code of a command that Ctrl-C ended.
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
Framework = Annotated[
    str | None,
    typer.Option(help="torch, jax, tensorflow or mxnet.  [default: that of the training]"),
]

# What to decide by

CostsFile = Annotated[
    Path | None,
    typer.Option(
        "--costs",
        metavar="COSTS.csv",
        help="Decide at the least expected cost: a row a true class, a column a decision.",
    ),
]
AbstainBelow = Annotated[
    float | None,
    typer.Option(metavar="P", help="Leave open where the likeliest class is less likely than P."),
]

# What can be asked of a training

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, fashion-mnist, a folder of pictures (one folder a class) or of IDX files, "
        "an .npz file, or a table (.csv, .tsv, .parquet; with --label).",
    ),
]
Balanced = Annotated[
    bool,
    typer.Option("--balanced", help="Train on equally many examples of each class."),
]
Test = Annotated[
    str | None,
    typer.Option(
        help="What to test on: other data, or a fraction to split off data that has no test part.  "
        "[default: its test part, or 0.2]"
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="What pictures are scaled to, as 32 or 24x32 (height x width).  "
        "[default: as suits the data]"
    ),
]
Channels = Annotated[
    int | None, typer.Option(help="1: grey, 3: colour.  [default: as suits the data]")
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out picture files that cannot be read.")
]
Label = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column of a table that has the classes.")
]
Hidden = Annotated[
    str | None, typer.Option(help="Units of an mlp's hidden layers, as 256 or 256,128.")
]
Activation = Annotated[str | None, typer.Option(help="An mlp's activation: relu, sigmoid or tanh.")]
Dropout = Annotated[float | None, typer.Option(help="The share of an mlp's hidden units to drop.")]
Start = Annotated[
    str | None,
    typer.Option(help="How weights start: normal, xavier or he.  [default: as suits the model]"),
]
Epochs = Annotated[int, typer.Option(help="How often to go through the data.")]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Examples a step.  [default: 256, of small data 16 or more]"),
]
Rate = Annotated[
    float | None,
    typer.Option(help="The learning rate.  [default: 0.1, of adam and adamw 0.001]"),
]
Optimizer = Annotated[str, typer.Option(help="sgd, adam or adamw.")]
Momentum = Annotated[float, typer.Option(help="The momentum of sgd.")]
WeightDecay = Annotated[float, typer.Option(help="How fast weights decay.")]
Schedule = Annotated[
    str, typer.Option(help="The learning rate's course: constant, step or cosine.")
]
Warmup = Annotated[float, typer.Option(help="Epochs over which the rate first rises.")]
Clip = Annotated[
    float, typer.Option(help="The largest norm of all gradients together; 0: no limit.")
]
Seed = Annotated[int, typer.Option(help="Decides weights and order; same seed, same run.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda:0 or mps.")]


def widths(text: str | None) -> tuple[int, ...] | None:
    """Return the numbers in ``256,128``. Raises ArgumentError where they are none."""
    if text is None:
        return None
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"hidden units must be whole numbers with commas between them, got {text!r}"
        ) from None


def sides(text: str | None) -> tuple[int, int] | None:
    """Return (height, width) of ``24x32`` or, twice the same, of ``32``.

    Raises ArgumentError where the text is neither.
    """
    if text is None:
        return None
    numbers = text.split("x")
    if len(numbers) > 2 or not all(side.isascii() and side.isdigit() for side in numbers):
        raise ArgumentError(f"a size is one number or height x width, as 24x32, got {text!r}")
    return int(numbers[0]), int(numbers[-1])


def fraction_or_source(text: str | None) -> float | str | None:
    """Return the number in a text that is one, else the text."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def remark(message: str) -> None:
    """Say something on stderr, on one line."""
    print(plain(f"hardmax: {message}"), file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as strict JSON, on one line of stdout."""
    from hardmax.runs.run import dumps

    print(dumps(value))
