"""``hardmax predict``: use a run."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hardmax.checks import plain
from hardmax.commands.common import Framework, Json, RunFolder, print_json, remark

__all__ = ["predict"]


def predict(
    run: RunFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Picture files.")],
    framework: Framework = None,
    as_json: Json = False,
) -> None:
    """Name the class of pictures."""
    from hardmax import inference

    predictions, changes = inference.predict(run, [str(file) for file in files], framework)
    if changes:
        remark(
            f"{len(changes)} of {len(files)} pictures were converted ({changes[0]}"
            f"{', ...' if len(changes) > 1 else ''})"
        )
    if as_json:
        print_json([asdict(prediction) for prediction in predictions])
    else:
        for prediction in predictions:
            print(plain(f"{prediction.file}: {prediction.label} ({prediction.probability:.4f})"))
