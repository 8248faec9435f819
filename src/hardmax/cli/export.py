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
from hardmax.errors import ArgumentError

__all__ = ["export"]

#: The type that networks are quantized to.
INT8 = "int8"


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
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="int8",
            help="Compute with 8-bit integers, which is faster on many CPUs; the accuracy before "
            "and after is printed. Only for images.",
            autocompletion=lambda: [INT8],
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Export a run as one ONNX file, from pixels or table cells to labels and probabilities."""
    from hardmax.export.onnx_file import Quantized
    from hardmax.export.onnx_file import export as export_run

    if quantize not in (None, INT8):
        raise ArgumentError(f"--quantize must be {INT8}, got {quantize!r}")
    exported = export_run(
        run,
        out,
        data,
        framework,
        costs=costs,
        below=abstain_below,
        quantize=quantize is not None,
    )
    if as_json:
        print_json(exported.as_dict())
        return
    print(plain(f"checked on {exported.checked}"))
    if isinstance(exported, Quantized):
        accuracies = f"accuracy {exported.after:.4f}, before {exported.before:.4f}"
        print(f"int8: {accuracies}; {exported.compared}")
    print(plain(f"saved {exported.path} ({exported.size / 1e6:.1f} MB)"))
