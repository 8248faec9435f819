"""``hardmax predict``: use a run."""

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
    print_json,
    remark,
)
from hardmax.data.tables.files import ENDINGS, table_bytes
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from hardmax.runs.predict import Prediction

__all__ = ["predict"]


def predict(
    run: RunFolder,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Picture files, or one table.")
    ],
    framework: Framework = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Where a table is written with the answers (.csv, .tsv, .parquet).  "
            "[default: CSV on stdout]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Name the class of pictures, or of a table's rows."""
    from hardmax.files import write_whole
    from hardmax.runs.predict import predict as predict_by_run

    if out is not None:
        _check_out(out, files)
    names = [str(file) for file in files]
    found = predict_by_run(run, names, framework, costs, abstain_below)
    if found.table is None and out is not None:
        raise ArgumentError("--out is for the rows of a table; pictures' classes are printed")
    if found.changes:
        remark(
            f"{len(found.changes)} of {len(files)} pictures were converted ({found.changes[0]}"
            f"{', ...' if len(found.changes) > 1 else ''})"
        )
    if out is not None:
        write_whole(out, table_bytes(found.table, out.suffix.lower()))
    if as_json:
        print_json([prediction.as_dict() for prediction in found.all])
    elif found.table is None:
        for prediction in found.all:
            print(plain(_line(prediction)))
    elif out is None:
        print(table_bytes(found.table, ".csv").decode(), end="")
    else:
        print(plain(f"answers {out}"))


def _check_out(out: Path, files: list[Path]) -> None:
    """Raise ArgumentError for a file of no kind that can be written, or one that is read."""
    if out.suffix.lower() not in ENDINGS:
        raise ArgumentError(f"--out must end in {', '.join(sorted(ENDINGS))}, got {out}")
    if any(out.exists() and file.exists() and out.samefile(file) for file in files):
        raise ArgumentError(f"--out {out} is what is to be read; choose another file")


def _line(prediction: "Prediction") -> str:
    """Say what to decide, and behind it the likeliest class where that is something else."""
    likeliest = f"{prediction.probability:.4f}"
    if prediction.decision != prediction.label:
        likeliest = f"{prediction.label} {likeliest}"
    decision = "left open" if prediction.decision is None else prediction.decision
    return f"{prediction.file}: {decision} ({likeliest})"
