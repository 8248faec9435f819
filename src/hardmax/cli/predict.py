"""``hardmax predict``: classify images or table rows with a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax.checks import plain
from hardmax.cli.options import (
    AbstainBelow,
    CostsFile,
    Framework,
    Json,
    RunFolder,
    notice,
    print_json,
)
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from hardmax.runs.predict import Prediction

__all__ = ["predict"]


def predict(
    run: RunFolder,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Image files or folders of them, or one table."),
    ],
    framework: Framework = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Also predict the set of classes that has the true one with probability P; "
            "requires a run that was trained with a validation set.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="File to write a table with its predictions to (.csv, .tsv or .parquet).  "
            "[default: CSV on stdout]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict the classes of images or of the rows of a table."""
    from hardmax.data.tables.files import table_bytes
    from hardmax.files import write_whole
    from hardmax.runs.predict import predict as predict_by_run

    if out is not None:
        _check_out(out, files)
    names = [str(file) for file in files]
    predictions = predict_by_run(
        run, names, framework, costs=costs, below=abstain_below, coverage=coverage
    )
    if predictions.table is None and out is not None:
        raise ArgumentError("--out is only for tables; predictions for images are printed")
    if predictions.changes:
        first, *others = predictions.changes
        more = ", ..." if others else ""
        notice(f"{1 + len(others)} of {len(predictions.all)} images were converted ({first}{more})")
    for message in predictions.notices:
        notice(message)
    if out is not None:
        write_whole(out, table_bytes(predictions.table, out.suffix.lower()))
    if as_json:
        print_json([prediction.as_dict() for prediction in predictions.all])
    elif predictions.table is None:
        for prediction in predictions.all:
            print(plain(_line(prediction)))
    elif out is None:
        print(table_bytes(predictions.table, ".csv").decode(), end="")
    else:
        print(plain(f"predictions {out}"))


def _check_out(out: Path, files: list[Path]) -> None:
    """Raise ArgumentError if ``out`` has an unsupported ending or is one of the inputs."""
    from hardmax.data.tables.files import WRITABLE

    if out.suffix.lower() not in WRITABLE:
        raise ArgumentError(f"--out must end in {', '.join(WRITABLE)}, got {out}")
    if any(out.exists() and file.exists() and out.samefile(file) for file in files):
        raise ArgumentError(f"--out {out} is also an input; choose another file")


def _line(prediction: "Prediction") -> str:
    """Return the decision, and what follows from it, on one line.

    The most likely class is added if that is a different one, and the prediction set if there is.
    """
    from hardmax.runs.predict import as_text

    details = f"{prediction.probability:.4f}"
    if prediction.decision != prediction.label:
        details = f"{prediction.label} {details}"
    decision = "abstained" if prediction.decision is None else prediction.decision
    line = f"{prediction.file}: {decision} ({details})"
    if prediction.prediction_set is None:
        return line
    return f"{line}, set {as_text(prediction.prediction_set)}"
