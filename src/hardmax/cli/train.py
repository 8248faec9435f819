"""``hardmax train``: train a classifier."""

from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.cli.evaluate import print_evaluation, print_suspects
from hardmax.cli.lines import print_text
from hardmax.cli.options import (
    INTERRUPTED,
    Data,
    Json,
    notice,
    print_json,
    with_settings,
)
from hardmax.errors import ArgumentError
from hardmax.runs.settings import Settings
from hardmax.training.intervals import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from hardmax.runs.saving import Trained
    from hardmax.runs.unfinished import Unfinished

__all__ = ["train"]


@with_settings()
def train(
    data: Data,
    *,
    settings: dict[str, Any],
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Run folder to write.  [default: runs/NAME]")
    ] = None,
    no_baselines: Annotated[
        bool,
        typer.Option("--no-baselines", help="Do not train baselines."),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the training that was stopped: that of the same command or, if DATA "
            "is its run folder, the one that was to write it.",
        ),
    ] = False,
    checkpoint_every: Annotated[
        float,
        typer.Option(
            metavar="MINUTES",
            help="Time after which the state of the training is saved again, for --resume; it is "
            "saved at the ends of epochs too.",
        ),
    ] = CHECKPOINT_EVERY,
    as_json: Json = False,
) -> None:
    """Train a classifier and write a run folder."""
    from hardmax.cli.progress import Progress
    from hardmax.processes.group import group
    from hardmax.runs.train import train as run_training
    from hardmax.runs.unfinished import advice, from_first

    checked, resumed = Settings(data=data, **settings), None
    progress = Progress(quiet=as_json)
    if resume:
        resumed = from_first(_resumed(checked, out) if group().is_first else None)
        if resumed is None:
            progress.notices.append(_about_others(out))
        else:
            checked = resumed.asked
            out = None if out is None or resumed.run == Path(out) else out
            no_baselines = no_baselines or not resumed.state["baselines"]
    try:
        with progress:
            trained = run_training(
                checked,
                out,
                progress,
                notice,
                baselines=not no_baselines,
                resumed=resumed,
                checkpoint_every=checkpoint_every,
            )
    except KeyboardInterrupt as interruption:
        notice(f"interrupted {interruption}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(_summary(trained))
    else:
        _print_result(trained)
    if trained.interrupted:
        where = f"the run was saved in {trained.path}"
        if trained.resumable is not None:
            where = f"{where}; {advice(trained.resumable)}"
        notice(f"interrupted after {_completed(trained)}; {where}")
        raise typer.Exit(INTERRUPTED)


def _resumed(asked: Settings, out: str | None) -> "Unfinished | None":
    """Return the training to go on with, if there is one.

    Raises ArgumentError if it is finished, or if it has settings of its own.
    """
    from hardmax.runs.record import RECORD
    from hardmax.runs.unfinished import Unfinished, find, unfinished_folder

    folder = unfinished_folder(asked.data)
    if folder is not None:
        if asked != Settings(data=asked.data):
            raise ArgumentError(
                f"{folder} is a training that was stopped, which has settings of its own; leave "
                "out all options but --resume, --out, --no-baselines, --checkpoint-every and --json"
            )
        return Unfinished.open(folder, notice)
    found = find(asked, None if out is None else Path(out), notice)
    for run in (asked.data, out):
        if found is None and run is not None and (Path(run) / RECORD).is_file():
            raise ArgumentError(f"the training of {run} is finished; leave out --resume")
    return found


def _about_others(out: str | None) -> str:
    """Return the notice that there is no training to resume."""
    from hardmax.runs.unfinished import unfinished_folder

    folder = None if out is None else unfinished_folder(out)
    others = "" if folder is None else f" ({folder} is one of other settings)"
    return f"there is no training of these settings to resume{others}; a new one starts"


def _completed(trained: "Trained") -> str:
    """Return how much of an interrupted training was completed."""
    settings, members = trained.settings, trained.members
    if settings.members > 1:
        epochs = members[-1]["epochs"]
        return (
            f"{epochs} of {settings.epochs} epochs of network {len(members)} of {settings.members}"
        )
    return f"{len(trained.epochs)} of {settings.epochs} epochs"


def _print_result(trained: "Trained") -> None:
    if trained.members:
        print_text(_members_line(trained))
    elif trained.settings.patience is not None:
        print(f"weights of epoch {trained.weights_epoch}, which had the lowest validation loss")
    print_evaluation(trained.test)
    if trained.baselines:
        _print_baselines(trained)
    print_suspects(trained.suspects, "see the report")
    print(plain(f"run {trained.path}"))
    print(plain(f"report {trained.path / 'report.html'}"))


def _members_line(trained: "Trained") -> str:
    """Describe an ensemble by the accuracy of its members on their validation sets."""
    found = [member["validation_accuracy"] or 0.0 for member in trained.members]
    networks = "1 network" if len(found) == 1 else f"{len(found)} networks"
    spread = f" on average (standard deviation {stdev(found):.4f})" if len(found) > 1 else ""
    where, folds = f"the {trained.held_out}", trained.settings.folds
    if folds is not None:
        where = f"{folds} folds" if len(found) >= folds else f"{len(found)} of {folds} folds"
    return f"{networks}, accuracy on {where} {fmean(found):.4f}{spread}"


def _print_baselines(trained: "Trained") -> None:
    from hardmax.reports.baselines import conclusion

    test, name = trained.test, f"hardmax: {trained.settings.model}"
    width = max(len(name), *(len(one["name"]) for one in trained.baselines))
    titles = f"{'McNemar p':>11}{'fitted on':>11}{'features':>10}"
    print(f"{'':<{width}}{'accuracy':>10}{'loss':>9}{titles}")
    print(f"{name:<{width}}{test.accuracy:>10.4f}{test.loss:>9.4f}")
    for one in trained.baselines:
        figures = f"{one['p']:>11.3g}{one['rows']:>11}{one['features']:>10}"
        print(f"{one['name']:<{width}}{one['accuracy']:>10.4f}{one['loss']:>9.4f}{figures}")
    print_text(conclusion(trained.baselines, test.count))


def _summary(trained: "Trained") -> dict[str, object]:
    from hardmax.reports.suspects import as_json

    return {
        "run": str(trained.path),
        "framework": trained.settings.framework,
        "model": trained.settings.model,
        "seed": trained.settings.seed,
        "epochs": trained.epochs,
        "weights_epoch": trained.weights_epoch,
        "members": trained.members,
        "test": trained.test.summary(),
        "baselines": trained.baselines,
        "suspects": as_json(trained.suspects),
        "warnings": trained.warnings,
    }
