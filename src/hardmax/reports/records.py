"""The record of a run: what ``run.json`` has and reports show, as JSON values."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from hardmax.evaluation.conformal import ConformityRecord

__all__ = [
    "BaselineRecord",
    "CalibrationRecord",
    "DataRecord",
    "MemberRecord",
    "ResultsRecord",
    "RunRecord",
]


class DataRecord(TypedDict):
    """The data set: its numbers of examples, and how they were prepared.

    ``class_counts`` has the examples of each class of the sets train, validation and test.
    """

    name: str
    fingerprint: str
    classes: list[str]
    shape: list[int]
    train: int
    validation: int
    test: int
    preprocessing: Mapping[str, object]
    class_counts: NotRequired[dict[str, list[int]]]


class BaselineRecord(TypedDict):
    """The test results of a baseline, fitted to ``rows`` of the examples and to ``features``.

    ``only_network`` and ``only_baseline`` count the test examples that only one of the two
    classifies correctly, and ``p`` is the p-value of McNemar's test.
    """

    name: str
    rows: int
    features: int
    accuracy: float
    loss: float
    only_network: int
    only_baseline: int
    p: float


class MemberRecord(TypedDict):
    """How the training of a member of an ensemble ended, and the metrics of its epoch."""

    epochs: int
    weights_epoch: int
    validation_loss: float | None
    validation_accuracy: float | None


class ResultsRecord(TypedDict):
    """How the training ended, and the metrics on the test set.

    Of an ensemble, ``epochs`` and ``weights_epoch`` are the largest of its ``members``. With folds,
    these are in the order of the folds, and ``out_of_fold`` has the metrics of the out-of-fold
    scores, calibrated. ``reliability`` are the points of the reliability diagram of the test set,
    which older records lack.
    """

    epochs: int
    weights_epoch: int
    interrupted: bool
    stopped_early: bool
    test: Mapping[str, object]
    members: NotRequired[list[MemberRecord]]
    out_of_fold: NotRequired[Mapping[str, object]]
    baselines: NotRequired[list[BaselineRecord]]
    reliability: NotRequired[list[dict[str, float]]]


class CalibrationRecord(TypedDict):
    """A temperature, and the metrics of held-out examples before and after fitting it."""

    temperature: float
    before: Mapping[str, object]
    after: Mapping[str, object]


class RunRecord(TypedDict):
    """The record of a run; ``format`` and the checksums of ``files`` are added when it is written.

    ``started`` is when the training began, in ISO 8601 with the offset from UTC, ``seconds`` how
    long it took without the baselines and the evaluation on the test set, and ``command`` the
    command line that repeats it; older records lack them. ``settings`` has the fields of
    ``runs.settings.Settings``, ``environment`` versions and device. ``warnings`` are about what may
    be wrong with the data or the training, a line each.
    """

    format: NotRequired[int]
    started: NotRequired[str]
    seconds: NotRequired[float]
    command: NotRequired[str]
    settings: Mapping[str, object]
    environment: Mapping[str, object]
    data: DataRecord
    results: ResultsRecord
    warnings: NotRequired[list[str]]
    files: NotRequired[dict[str, str]]
    calibration: NotRequired[CalibrationRecord]
    conformity: NotRequired[ConformityRecord]
