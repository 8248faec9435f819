"""What clients should know of a run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from hardmax.data.tables.encoding import ColumnCode, Encoding
from hardmax.data.tables.learning import DAY
from hardmax.evaluation.calibration import BINS
from hardmax.json_values import Json
from hardmax.reports.records import RunRecord
from hardmax.runs.run import Run

__all__ = ["describe"]

#: The most categories of a column that are described.
CHOICES = 100


def describe(run: Run) -> dict[str, Json]:
    """Return what a page needs of a run; it has no path of this computer."""
    record, encoding = run.record, run.encoding
    codes = encoding.columns if isinstance(encoding, Encoding) else ()
    bins = _bins(record)
    return {
        "classes": run.classes,
        "input_shape": run.input_shape if encoding is None else None,
        "columns": [_column(code) for code in codes],
        "metrics": _metrics(record, bins),
        "calibration": bins,
        "has_report": True,
        "trained": record.get("started"),
        "network": run.settings.model,
        "framework": run.settings.framework,
        "hardmax": str(record["environment"].get("hardmax", "")),
    }


def _metrics(record: RunRecord, bins: list[dict[str, float]] | None) -> dict[str, Json]:
    """Return metrics of the test set; those of probabilities are None if they changed since."""
    test: Mapping[str, Any] = record["results"]["test"]
    metrics = {name: test.get(name) for name in ("count", "accuracy", "interval")}
    if bins is not None:
        gaps = [one["count"] * abs(one["accuracy"] - one["confidence"]) for one in bins]
        error: Json = sum(gaps) / sum(one["count"] for one in bins)
    else:
        error = None if _is_changed(record) else test.get("calibration_error")
    return {
        **metrics,
        "loss": None if _is_changed(record) else test.get("loss"),
        "calibration_error": error,
    }


def _is_changed(record: RunRecord) -> bool:
    """Return whether the run was calibrated after its metrics were computed."""
    return "calibration" in record and record["settings"].get("folds") is None


def _bins(record: RunRecord) -> list[dict[str, float]] | None:
    """Return the bins of the reliability diagram, in which test examples have (lower, upper].

    None if the run has none, or if weights made their counts meaningless.
    """
    results = record["results"]
    test: Mapping[str, Any] = results["test"]
    if "reliability" not in results or test.get("interval") is None:
        return None
    bins = []
    for point in results["reliability"]:
        place = int(np.clip(np.ceil(point["confidence"] * BINS), 1, BINS))
        bins.append(
            {
                "lower": (place - 1) / BINS,
                "upper": place / BINS,
                "count": round(point["share"] * test["count"]),
                "confidence": point["confidence"],
                "accuracy": point["accuracy"],
            }
        )
    return bins


def _column(code: ColumnCode) -> dict[str, Json]:
    """Return what a form needs of a column; the example is the median of the training rows."""
    return {
        "name": code.name,
        "kind": code.kind,
        "style": code.style,
        "choices": code.levels[:CHOICES],
        "example": _example(code),
    }


def _example(code: ColumnCode) -> Json:
    if code.kind == "number":
        return code.center
    if code.kind not in ("date", "time of day"):
        return None
    moment = datetime.fromtimestamp(code.center, UTC).replace(tzinfo=None)
    if code.kind == "time of day":
        return moment.time().isoformat(timespec="seconds")
    # The median of days may be a noon.
    has_times = DAY in code.cycles
    return moment.isoformat(timespec="seconds") if has_times else moment.date().isoformat()
