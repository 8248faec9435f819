"""``hardmax train``: train a classifier."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.commands.common import INTERRUPTED, Json, print_json, remark
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from hardmax.experiment import Trained

__all__ = ["train"]


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="digits, fashion-mnist, or a folder with the four IDX files."
        ),
    ],
    model: Annotated[
        str, typer.Option(help="A network's name; `hardmax models` lists them.")
    ] = "softmax-regression",
    hidden: Annotated[
        str | None, typer.Option(help="Units of an mlp's hidden layers, as 256 or 256,128.")
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="An mlp's activation: relu, sigmoid or tanh.")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="The share of an mlp's hidden units to drop.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="How weights start: normal, xavier or he.  [default: as suits the model]"
        ),
    ] = None,
    framework: Annotated[str, typer.Option(help="torch, jax, tensorflow or mxnet.")] = "torch",
    epochs: Annotated[int, typer.Option(help="How often to go through the data.")] = 10,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 256,
    lr: Annotated[
        float | None,
        typer.Option(help="The learning rate.  [default: 0.1, of adam and adamw 0.001]"),
    ] = None,
    optimizer: Annotated[str, typer.Option(help="sgd, adam or adamw.")] = "sgd",
    momentum: Annotated[float, typer.Option(help="The momentum of sgd.")] = 0.0,
    weight_decay: Annotated[float, typer.Option(help="How fast weights decay.")] = 0.0,
    schedule: Annotated[
        str, typer.Option(help="The learning rate's course: constant, step or cosine.")
    ] = "constant",
    warmup: Annotated[float, typer.Option(help="Epochs over which the rate first rises.")] = 0.0,
    clip: Annotated[
        float, typer.Option(help="The largest norm of all gradients together; 0: no limit.")
    ] = 0.0,
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
    asked = {**locals()}
    from hardmax.experiment import train as run_training
    from hardmax.settings import Settings

    own = {name: value for name, value in asked.items() if name not in ("out", "as_json")}
    settings = Settings(**own | {"hidden": _widths(hidden)})
    from hardmax.progress import Progress

    progress = Progress(epochs, "validation" if validation else "test", quiet=as_json)
    try:
        with progress:
            trained = run_training(settings, out, progress)
    except KeyboardInterrupt as interruption:
        remark(f"interrupted {interruption}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(_told(trained))
    else:
        if patience is not None:
            print(f"weights of epoch {trained.kept_epoch}, which had the lowest validation loss")
        print(f"test {trained.test}")
        print(plain(f"run {trained.path}"))
        print(plain(f"report {trained.path / 'report.html'}"))
    if trained.interrupted:
        remark(
            f"interrupted; kept what {len(trained.epochs)} of {epochs} epochs gave, "
            f"in {trained.path}"
        )
        raise typer.Exit(INTERRUPTED)


def _widths(text: str | None) -> tuple[int, ...] | None:
    """Return the numbers in ``256,128``."""
    if text is None:
        return None
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"hidden units must be whole numbers with commas between them, got {text!r}"
        ) from None


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
