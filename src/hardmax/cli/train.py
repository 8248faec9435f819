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
    Init,
    Json,
    Label,
    Momentum,
    Optimizer,
    Rate,
    Schedule,
    Seed,
    Size,
    SkipBad,
    Test,
    Warmup,
    WeightDecay,
    fraction_or_source,
    notice,
    print_json,
    sides,
    widths,
)

if TYPE_CHECKING:
    from hardmax.runs.train import Trained

__all__ = ["train"]


def train(
    data: Data,
    model: Annotated[
        str, typer.Option(help="Network; `hardmax models` lists them.")
    ] = "softmax-regression",
    hidden: Hidden = None,
    activation: Activation = None,
    dropout: Dropout = None,
    init: Init = None,
    framework: Annotated[
        str, typer.Option(help="Framework: torch, jax, tensorflow or mxnet.")
    ] = "torch",
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
        float | None, typer.Option(help="Fraction of the training set to split off for validation.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop after this many epochs without a lower validation loss; requires "
            "--validation."
        ),
    ] = None,
    balanced: Balanced = False,
    test: Test = None,
    size: Size = None,
    channels: Channels = None,
    skip_bad: SkipBad = False,
    label: Label = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Run folder to write.  [default: runs/NAME]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a classifier and write a run folder."""
    given = {**locals()}
    from hardmax.runs.settings import Settings
    from hardmax.runs.train import train as run_training

    chosen = {name: value for name, value in given.items() if name not in ("out", "as_json")}
    chosen |= {"hidden": widths(hidden), "test": fraction_or_source(test), "size": sides(size)}
    settings = Settings(**chosen)
    from hardmax.cli.progress import Progress

    progress = Progress(epochs, "validation" if validation else "test", quiet=as_json)
    try:
        with progress:
            trained = run_training(settings, out, progress, notice)
    except KeyboardInterrupt as interruption:
        notice(f"interrupted {interruption}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(_summary(trained))
    else:
        if patience is not None:
            print(f"weights of epoch {trained.weights_epoch}, which had the lowest validation loss")
        print(f"test {trained.test}\n     {trained.test.figures()}")
        print(plain(f"run {trained.path}"))
        print(plain(f"report {trained.path / 'report.html'}"))
    if trained.interrupted:
        notice(
            f"interrupted after {len(trained.epochs)} of {epochs} epochs; "
            f"the run was saved in {trained.path}"
        )
        raise typer.Exit(INTERRUPTED)


def _summary(trained: "Trained") -> dict[str, Any]:
    return {
        "run": str(trained.path),
        "framework": trained.settings.framework,
        "model": trained.settings.model,
        "seed": trained.settings.seed,
        "epochs": trained.epochs,
        "weights_epoch": trained.weights_epoch,
        "test": trained.test.summary(),
    }
