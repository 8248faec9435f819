"""Exports a run as an ONNX file."""

import os
from dataclasses import dataclass
from pathlib import Path

from hardmax.errors import ArgumentError
from hardmax.export.checking import Check, check
from hardmax.export.graph import need
from hardmax.export.model import model_of
from hardmax.export.outputs import Answers
from hardmax.files import write_whole
from hardmax.json_values import Json
from hardmax.runs.evaluate import read_rules
from hardmax.runs.run import Run

__all__ = ["Exported", "export"]


@dataclass(frozen=True)
class Exported:
    """An ONNX file, its size in bytes, and how it was checked."""

    path: Path
    size: int
    checked: Check

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as a JSON-compatible dict."""
        return {"file": str(self.path), "bytes": self.size, "checked": self.checked.as_dict()}


def export(
    path: str,
    out: Path | None = None,
    source: str | None = None,
    framework: str | None = None,
    *,
    costs: Path | None = None,
    below: float | None = None,
) -> Exported:
    """Export the run in ``path`` as an ONNX file, by default beside it with the ending .onnx.

    The file is written only if its answers are those of the run, on at most 1,000 test examples of
    the data ``source``, by default of the training data; ``framework`` computes those of the run.
    Its decisions minimize the expected cost given by the file ``costs``, or abstain ``below`` a
    probability. Raises RunError for an unusable run or a file that cannot
    be written, DataError for data or costs that do not fit
    it, ArgumentError for both rules at once, and ExportError if onnx or onnxruntime is not
    installed, if ONNX cannot express the run, or if answers differ.
    """
    if costs is not None and below is not None:
        raise ArgumentError(
            "use either costs or a probability to abstain below, not both; to let costs abstain, "
            "give them an extra column with the cost of abstaining"
        )
    need("onnxruntime")  # before the time that the rest takes
    run = Run.open(path)
    matrix, below = read_rules(run, costs, below)
    model, inputs = model_of(run, Answers(run.classes, run.temperature, matrix, below))
    content = model.SerializeToString()
    checked = check(content, run, path, source=source, framework=framework, inputs=inputs)
    target = Path(f"{os.path.abspath(path)}.onnx") if out is None else out
    write_whole(target, content)
    return Exported(target, len(content), checked)
