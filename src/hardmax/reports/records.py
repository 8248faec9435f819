"""The record of a run: what ``run.json`` has and reports show, as JSON values."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

__all__ = [
    "BaselineRecord",
    "CalibrationRecord",
    "DataRecord",
    "ResultsRecord",
    "RunRecord",
]


class DataRecord(TypedDict):
    """The data set: its numbers of examples, and how they were prepared."""

    name: str
    fingerprint: str
    classes: list[str]
    shape: list[int]
    train: int
    validation: int
    test: int
    preprocessing: Mapping[str, object]


class BaselineRecord(TypedDict):
    """The test results of a baseline, fitted to some of the training rows and features.

    ``only_network`` and ``only_baseline`` count the test rows that only one of the two classifies
    correctly, and ``p`` is the p-value of McNemar's test.
    """

    name: str
    rows: int
    features: int
    accuracy: float
    loss: float
    only_network: int
    only_baseline: int
    p: float


class ResultsRecord(TypedDict):
    """How the training ended, and the metrics on the test set, also those of the baselines."""

    epochs: int
    weights_epoch: int
    interrupted: bool
    stopped_early: bool
    test: Mapping[str, object]
    baselines: NotRequired[list[BaselineRecord]]


class CalibrationRecord(TypedDict):
    """A temperature, and the metrics of the validation set before and after fitting it."""

    temperature: float
    before: Mapping[str, object]
    after: Mapping[str, object]


class RunRecord(TypedDict):
    """The record of a run; ``format`` and the checksums of ``files`` are added when it is written.

    ``settings`` has the fields of ``runs.settings.Settings``, ``environment`` versions and device.
    """

    format: NotRequired[int]
    settings: Mapping[str, object]
    environment: Mapping[str, object]
    data: DataRecord
    results: ResultsRecord
    files: NotRequired[dict[str, str]]
    calibration: NotRequired[CalibrationRecord]
