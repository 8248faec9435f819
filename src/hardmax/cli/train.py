"""``hardmax train``: train a classifier."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.cli.options import (
    INTERRUPTED,
    Activation,
    Balanced,
    BatchSize,
    Channels,
    Clip,
    Data,
    Device,
    Dropout,
    Epochs,
    Hidden,
    Json,
    Label,
    Momentum,
    Optimizer,
    Rate,
    Schedule,
    Seed,
    Size,
    SkipBad,
    Start,
    Test,
    Warmup,
    WeightDecay,
    fraction_or_source,
    print_json,
    remark,
    sides,
    widths,
)

if TYPE_CHECKING:
    from hardmax.runs.train import Trained

__all__ = ["train"]


def train(
    data: Data,
    model: Annotated[
        str, typer.Option(help="A network's name; `hardmax models` lists them.")
    ] = "softmax-regression",
    hidden: Hidden = None,
    activation: Activation = None,
    dropout: Dropout = None,
    start: Start = None,
    framework: Annotated[str, typer.Option(help="torch, jax, tensorflow or mxnet.")] = "torch",
    epochs: Epochs = 10,
    batch_size: BatchSize = None,
    lr: Rate = None,
    optimizer: Optimizer = "sgd",
    momentum: Momentum = 0.0,
    weight_decay: WeightDecay = 0.0,
    schedule: Schedule = "constant",
    warmup: Warmup = 0.0,
    clip: Clip = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    validation: Annotated[
        float | None, typer.Option(help="Fraction of the training set to validate on.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many epochs without a lower validation loss."),
    ] = None,
    balanced: Balanced = False,
    test: Test = None,
    size: Size = None,
    channels: Channels = None,
    skip_bad: SkipBad = False,
    label: Label = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="The run folder.  [default: runs/NAME]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a classifier and write a run folder."""
    asked = {**locals()}
    from hardmax.runs.settings import Settings
    from hardmax.runs.train import train as run_training

    own = {name: value for name, value in asked.items() if name not in ("out", "as_json")}
    own |= {"hidden": widths(hidden), "test": fraction_or_source(test), "size": sides(size)}
    settings = Settings(**own)
    from hardmax.cli.progress import Progress

    progress = Progress(epochs, "validation" if validation else "test", quiet=as_json)
    try:
        with progress:
            trained = run_training(settings, out, progress, remark)
    except KeyboardInterrupt as interruption:
        remark(f"interrupted {interruption}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(_told(trained))
    else:
        if patience is not None:
            print(f"weights of epoch {trained.kept_epoch}, which had the lowest validation loss")
        print(f"test {trained.test}\n     {trained.test.figures()}")
        print(plain(f"run {trained.path}"))
        print(plain(f"report {trained.path / 'report.html'}"))
    if trained.interrupted:
        remark(
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
        "test": trained.test.summary(),
    }
