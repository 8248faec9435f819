"""``hardmax export``: write one file that predicts without hardmax."""

from pathlib import Path
from typing import Annotated

import typer

from hardmax.checks import plain
from hardmax.cli.options import (
    AbstainBelow,
    CostsFile,
    Framework,
    Json,
    RunFolder,
    print_json,
)

__all__ = ["export"]


def export(
    run: RunFolder,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="File to write.  [default: RUN.onnx]"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Data on whose test set the file is checked.  [default: the training data]",
        ),
    ] = None,
    framework: Framework = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    as_json: Json = False,
) -> None:
    """Export a run as one ONNX file, from pixels or table cells to labels and probabilities."""
    from hardmax.export.onnx_file import export as export_run

    exported = export_run(run, out, data, framework, costs=costs, below=abstain_below)
    if as_json:
        print_json(exported.as_dict())
        return
    print(plain(f"checked on {exported.checked}"))
    print(plain(f"saved {exported.path} ({exported.size / 1e6:.1f} MB)"))
