"""``hardmax export``: write one file that predicts without hardmax."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax.checks import check_choice, plain
from hardmax.cli.lines import print_figures
from hardmax.cli.options import (
    AbstainBelow,
    CostsFile,
    Framework,
    Json,
    RunFolder,
    print_json,
)
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from hardmax.export.checking import Exported

__all__ = ["export"]

#: The formats: ONNX, and those of frameworks.
ONNX, FORMATS = "onnx", ("onnx", "torch", "jax", "tensorflow")

#: The types that a network can be quantized to.
QUANTIZED = ("int8",)


def export(
    run: RunFolder,
    to: Annotated[
        str,
        typer.Option(
            metavar="|".join(FORMATS),
            help="Format: an ONNX file of everything from pixels or cells to answers, or the "
            "network alone in the format of a framework.",
            autocompletion=lambda: [*FORMATS],
        ),
    ] = ONNX,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File to write; a folder for tensorflow.  [default: RUN with the ending of the "
            "format]",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Data on whose test set the file is checked.  [default: the training data]",
        ),
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(QUANTIZED),
            help="Compute a network on images in 8-bit integers: on CPUs most are faster then, and "
            "they take a quarter of the bytes. Their accuracy on the test set is measured.  "
            "[default: float32]",
            autocompletion=lambda: [*QUANTIZED],
        ),
    ] = None,
    framework: Framework = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    as_json: Json = False,
) -> None:
    """Export a run as a file that predicts without hardmax, and check it on the test set."""
    check_choice("format", to, FORMATS)
    if quantize is not None:
        check_choice("type of --quantize", quantize, QUANTIZED)
    only_onnx = {
        "--quantize": quantize,
        "--framework": framework,
        "--costs": costs,
        "--abstain-below": abstain_below,
    }
    given = [name for name, value in only_onnx.items() if value is not None]
    if to == ONNX:
        from hardmax.export.onnx_file import export as export_run

        exported = export_run(
            run,
            out,
            data,
            framework,
            costs=costs,
            below=abstain_below,
            quantized=quantize is not None,
        )
    elif given:
        raise ArgumentError(f"{given[0]} is for --to {ONNX} only; leave it out with --to {to}")
    else:
        from hardmax.export.native import export_native

        exported = export_native(run, to, out, data)
    if as_json:
        print_json(exported.as_dict())
    else:
        _print(exported)


def _print(exported: "Exported") -> None:
    """Print how an exported file was checked, and where it is."""
    from rich.filesize import decimal

    print_figures(f"checked on {exported.checked}")
    size = decimal(exported.size)
    if exported.float32_size is not None:
        size += f"; {decimal(exported.float32_size)} in float32"
    print(plain(f"saved {exported.path} ({size})"))
