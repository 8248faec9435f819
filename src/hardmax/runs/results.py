"""The results of a training: the run to save, and its evaluation on the test set."""

import os
import platform
from collections.abc import Sequence

import numpy as np

import hardmax
from hardmax import frameworks
from hardmax.data.datasets import Dataset
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.evaluation.conformal import Conformity
from hardmax.json_values import Json
from hardmax.processes.group import group
from hardmax.reports.records import DataRecord, RunRecord
from hardmax.reports.suspects import Suspects
from hardmax.runs import failures
from hardmax.runs.baselines import Baseline, compare_with
from hardmax.runs.command import absolute_paths
from hardmax.runs.evaluate import calibrated_on
from hardmax.runs.fitting import Fitted
from hardmax.runs.run import Run
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings

__all__ = ["evaluated"]


def evaluated(
    settings: Settings,
    dataset: Dataset,
    fitted: Fitted,
    *,
    session: Session,
    baselines: Sequence[Baseline],
) -> tuple[Run, ClassifierEvaluation, list[Suspects]]:
    """Return the run, calibrated on the out-of-fold scores if there are any, and its evaluation.

    ``session`` has the trained network, which is compared with the ``baselines``. The suspects are
    those of each set that has scores of networks that were not trained on it.
    """
    calibration = None if fitted.out_of_fold is None else calibrated_on(fitted.out_of_fold)
    size = settings.batch(len(dataset.train))
    held_out = calibration.after if calibration is not None else fitted.out_of_fold
    suspects = []
    if held_out is not None:
        suspects.append(Suspects.of("training", dataset.train, held_out, fitted.rows))
    elif dataset.validation is not None:
        part = dataset.validation
        held_out = ClassifierEvaluation(
            session.scores(part, size), part.labels, classes=dataset.classes
        )
        suspects.append(Suspects.of("validation", part, held_out))
    conformity = (
        None
        if held_out is None
        else Conformity.of(held_out.calibrated, held_out.labels, settings.seed)
    )
    evaluation = ClassifierEvaluation(
        session.scores(dataset.test, size),
        dataset.test.labels,
        dataset.test.weights,
        classes=dataset.classes,
        temperature=1.0 if calibration is None else calibration.temperature,
        conformity=conformity,
    )
    record: RunRecord = {
        "settings": _settings_record(settings, dataset),
        "environment": _environment(settings.framework, str(session.trainer.find_device())),
        "data": _data_record(dataset),
        "results": {
            **fitted.results(settings, evaluation),
            "baselines": compare_with(baselines, evaluation),
        },
        "warnings": [
            *dataset.warnings,
            *failures.of_losses(settings, dataset.classes, fitted.states),
            *failures.of_accuracy(settings, evaluation, dataset.test),
        ],
    }
    if conformity is not None:
        record["conformity"] = conformity.as_record()
    if calibration is not None:
        record["calibration"] = calibration.as_dict()
    if held_out is not None:
        record["results"]["out_of_fold"] = held_out.summary()
    run = Run(
        record=record,
        network=fitted.network,
        input_shape=dataset.shape,
        classes=dataset.classes,
        weights=fitted.weights,
        encoding=dataset.encoding,
    )
    return run, evaluation, [*suspects, Suspects.of("test", dataset.test, evaluation)]


def _settings_record(settings: Settings, dataset: Dataset) -> dict[str, Json]:
    size = settings.batch(len(dataset.train))
    return {**settings.as_record(), "batch_size": size, **absolute_paths(settings)}


def _environment(framework: str, device: str) -> dict[str, Json]:
    processes = group().size
    return {
        "hardmax": hardmax.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **frameworks.versions(framework),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "device": device,
        **({"processes": processes} if processes > 1 else {}),
    }


def _data_record(dataset: Dataset) -> DataRecord:
    sets = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "classes": list(dataset.classes),
        "shape": list(dataset.shape),
        "train": len(dataset.train),
        "validation": 0 if dataset.validation is None else len(dataset.validation),
        "test": len(dataset.test),
        "preprocessing": dataset.preprocessing,
        "class_counts": {
            name: np.bincount(part.labels, minlength=len(dataset.classes)).tolist()
            for name, part in sets.items()
            if part is not None
        },
    }
