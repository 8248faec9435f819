"""Evaluates a finished fit and writes its run folder, for the command line and for Python."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.reports import report
from hardmax.reports.records import BaselineRecord, MemberRecord
from hardmax.reports.suspects import Suspects
from hardmax.runs.activation import mistake_maps
from hardmax.runs.baselines import Baseline
from hardmax.runs.command import command_line
from hardmax.runs.data import links_of
from hardmax.runs.explain import explain_training
from hardmax.runs.fitting import Fitted
from hardmax.runs.preparation import Prepared
from hardmax.runs.results import evaluated
from hardmax.runs.settings import Settings
from hardmax.runs.writer import RunWriter
from hardmax.training.contracts import EpochRecord

__all__ = ["Finished", "Trained", "save_run"]


@dataclass(frozen=True)
class Finished:
    """A finished fit: what it was made of, when it started, and how many seconds it took."""

    ready: Prepared
    fitted: Fitted
    started: datetime
    seconds: float


@dataclass(frozen=True)
class Trained:
    """A finished training: the path of its run, its history and its evaluation on the test set.

    ``weights_epoch`` is the epoch whose weights were saved; ``members`` are the records of the
    members of an ensemble, of which it is the last. ``held_out`` is what the epochs were evaluated
    on: ``folds``, ``validation set`` or ``test set``. ``baselines`` is empty without any.
    ``suspects`` are the examples of each set whose labels may be wrong; ``warnings`` are about the
    data and the training. ``resumable`` is the folder of an interrupted training that can go on.
    """

    path: Path
    settings: Settings
    epochs: list[EpochRecord]
    weights_epoch: int
    test: ClassifierEvaluation
    baselines: list[BaselineRecord]
    suspects: list[Suspects]
    warnings: list[str]
    interrupted: bool
    held_out: str
    members: list[MemberRecord] = field(default_factory=list)
    resumable: Path | None = None


def save_run(
    finished: Finished,
    writer: RunWriter,
    *,
    baselines: Sequence[Baseline] | None,
    log: Callable[[str], None] | None = None,
    settle: Callable[[], None] | None = None,
) -> Trained:
    """Evaluate a fit on the test set, write its run folder, and publish it.

    The network is compared with the ``baselines``; None stands for a training without any. ``log``
    receives warnings if the network learned nothing; ``settle`` is called once all is written.
    """
    ready, fitted = finished.ready, finished.fitted
    settings, dataset = ready.settings, ready.dataset
    session = fitted.session(settings, dataset.shape)
    run, evaluation, suspects = evaluated(
        settings, dataset, fitted, session=session, baselines=baselines or ()
    )
    run.record["started"] = finished.started.isoformat(timespec="seconds")
    run.record["seconds"] = finished.seconds
    run.record["command"] = command_line(ready.asked, baselines=baselines is not None)
    if log is not None:
        for warning in run.record["warnings"][len(dataset.warnings) :]:
            log(warning)
    explanation = explain_training(
        session, dataset, evaluation, seed=settings.seed, members=len(fitted.states)
    )
    maps = mistake_maps(run, dataset.test, evaluation, device=settings.device)
    if writer.writes:
        page = report.render(
            run.record,
            dataset.test,
            evaluation,
            fitted.epochs,
            explanation=explanation,
            suspects=suspects,
            maps=maps,
            encoding=run.encoding,
            weights=run.weight_count,
            links=links_of(run, str(writer.target), run.settings.data),
        )
        writer.write(run, fitted.epochs, page, suspects)
    if settle is not None:
        settle()
    return Trained(
        path=writer.publish(),
        settings=settings,
        epochs=fitted.epochs,
        weights_epoch=run.record["results"]["weights_epoch"],
        test=evaluation,
        suspects=suspects,
        warnings=run.record["warnings"],
        held_out=ready.held_out_name,
        baselines=run.record["results"].get("baselines", []),
        interrupted=False,
        members=run.record["results"].get("members", []),
    )
