"""Calibrates runs: fits a temperature, saves it, and writes the report anew."""

import json
from dataclasses import replace
from math import nan
from pathlib import Path

from hardmax.data.datasets import Dataset, Examples
from hardmax.errors import RunError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.conformal import Conformity
from hardmax.files import write_whole
from hardmax.reports.records import RunRecord
from hardmax.reports.report import render
from hardmax.reports.suspects import Suspects
from hardmax.runs.activation import mistake_maps
from hardmax.runs.data import links_of, load_data
from hardmax.runs.evaluate import Calibration, evaluate_on, session_of
from hardmax.runs.explain import explain_training
from hardmax.runs.record import checksum, write_record
from hardmax.runs.run import METRICS, REPORT, Run
from hardmax.training.contracts import EpochRecord

__all__ = ["calibrate"]


def calibrate(path: str, framework: str | None = None) -> Calibration:
    """Fit a temperature on the validation set of a run, and save it in the run and its report.

    The conformity scores are replaced by those of the calibrated probabilities.
    ``framework`` computes the scores, by default the one used for training. Raises RunError if the
    run is unusable, cannot be written or has no validation set, DataError if the data has changed
    since training or no temperature can be fitted to it.
    """
    run = Run.open(path)
    if run.settings.folds is not None:
        raise RunError(
            f"{path} was calibrated when it was trained, on its {run.settings.folds} folds; train "
            "again to calibrate it anew"
        )
    dataset = None
    if run.record["data"]["validation"]:
        dataset = load_data(run, path, None, run.settings.validation)
    if dataset is None or dataset.validation is None:
        raise RunError(
            f"{path} was trained without a validation set, and a temperature must not be fitted on "
            "the training set or the test set; train with --validation FRACTION"
        )
    part = dataset.validation
    before = replace(evaluate_on(run, part, framework), temperature=1.0, conformity=None)
    calibration = Calibration.fit(before)
    after = calibration.after
    conformity = Conformity.of(after.calibrated, after.labels, run.settings.seed)
    record: RunRecord = {
        **run.record,
        "calibration": calibration.as_dict(),
        "conformity": conformity.as_record(),
    }
    evaluation = evaluate_on(replace(run, record=record), dataset.test, framework)
    record["results"] = {**record["results"], "reliability": evaluation.reliability}
    page = _report(
        path,
        replace(run, record=record),
        dataset,
        evaluation,
        suspects=Suspects.of("validation", part, after),
        framework=framework,
    )
    _save(Path(path), record, page.encode("utf-8", "xmlcharrefreplace"))
    return calibration


def _report(
    path: str,
    run: Run,
    dataset: Dataset,
    evaluation: ClassifierEvaluation,
    *,
    suspects: Suspects,
    framework: str | None,
) -> str:
    """Return the report of the training of a run, with its evaluation on the test set."""
    test: Examples = dataset.test
    explanation = explain_training(
        session_of(run, framework),
        dataset,
        evaluation,
        seed=run.settings.seed,
        members=len(run.record["results"].get("members", [0])),
    )
    return render(
        run.record,
        test,
        evaluation,
        _history(path),
        explanation=explanation,
        suspects=[suspects, Suspects.of("test", test, evaluation)],
        maps=mistake_maps(run, test, evaluation, framework=framework),
        encoding=run.encoding,
        weights=run.weight_count,
        links=links_of(run, path, run.settings.data),
    )


def _history(path: str) -> list[EpochRecord]:
    """Return the history of a run. Numbers that are not finite were written as null."""
    lines = Path(path, METRICS).read_text().splitlines()
    return [
        {name: nan if value is None else value for name, value in json.loads(line).items()}
        for line in lines
    ]


def _save(folder: Path, record: RunRecord, page: bytes) -> None:
    """Write the report and the record, which has its checksum: both, or none of them."""
    former = (folder / REPORT).read_bytes()
    write_whole(folder / REPORT, page)
    try:
        files = {**record["files"], REPORT: checksum(page)}
        write_record(folder, {**record, "files": files})
    except BaseException:
        write_whole(folder / REPORT, former)
        raise
