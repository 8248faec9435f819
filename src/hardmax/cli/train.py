"""``hardmax train``: train a classifier."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.cli.evaluate import print_evaluation
from hardmax.cli.options import (
    INTERRUPTED,
    Data,
    Json,
    notice,
    print_json,
    with_settings,
)
from hardmax.runs.settings import Settings

if TYPE_CHECKING:
    from hardmax.runs.train import Trained

__all__ = ["train"]


@with_settings()
def train(
    data: Data,
    *,
    settings: dict[str, Any],
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Run folder to write.  [default: runs/NAME]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a classifier and write a run folder."""
    from hardmax.cli.progress import Progress
    from hardmax.runs.train import train as run_training

    checked = Settings(data=data, **settings)
    progress = Progress(checked.epochs, quiet=as_json)
    try:
        with progress:
            trained = run_training(checked, out, progress, notice)
    except KeyboardInterrupt as interruption:
        notice(f"interrupted {interruption}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(_summary(trained))
    else:
        _print_result(trained)
    if trained.interrupted:
        notice(
            f"interrupted after {len(trained.epochs)} of {checked.epochs} epochs; "
            f"the run was saved in {trained.path}"
        )
        raise typer.Exit(INTERRUPTED)


def _print_result(trained: "Trained") -> None:
    if trained.settings.patience is not None:
        print(f"weights of epoch {trained.weights_epoch}, which had the lowest validation loss")
    print_evaluation(trained.test)
    print(plain(f"run {trained.path}"))
    print(plain(f"report {trained.path / 'report.html'}"))


def _summary(trained: "Trained") -> dict[str, object]:
    return {
        "run": str(trained.path),
        "framework": trained.settings.framework,
        "model": trained.settings.model,
        "seed": trained.settings.seed,
        "epochs": trained.epochs,
        "weights_epoch": trained.weights_epoch,
        "test": trained.test.summary(),
    }
