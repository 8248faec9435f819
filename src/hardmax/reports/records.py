"""The record of a run: what ``run.json`` has and reports show, as JSON values."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from hardmax.evaluation.conformal import ConformityRecord

__all__ = ["CalibrationRecord", "DataRecord", "ResultsRecord", "RunRecord"]


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


class ResultsRecord(TypedDict):
    """How the training ended, and the metrics on the test set."""

    epochs: int
    weights_epoch: int
    interrupted: bool
    stopped_early: bool
    test: Mapping[str, object]


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
    conformity: NotRequired[ConformityRecord]
