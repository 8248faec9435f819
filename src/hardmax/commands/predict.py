"""``hardmax predict``: use a run."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax.checks import plain
from hardmax.commands.common import (
    AbstainBelow,
    CostsFile,
    Framework,
    Json,
    RunFolder,
    print_json,
    remark,
)

if TYPE_CHECKING:
    from hardmax.inference import Prediction

__all__ = ["predict"]


def predict(
    run: RunFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Picture files.")],
    framework: Framework = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    as_json: Json = False,
) -> None:
    """Name the class of pictures."""
    from hardmax import inference

    names = [str(file) for file in files]
    predictions, changes = inference.predict(run, names, framework, costs, abstain_below)
    if changes:
        remark(
            f"{len(changes)} of {len(files)} pictures were converted ({changes[0]}"
            f"{', ...' if len(changes) > 1 else ''})"
        )
    if as_json:
        print_json([asdict(prediction) for prediction in predictions])
    else:
        for prediction in predictions:
            print(plain(_line(prediction)))


def _line(prediction: "Prediction") -> str:
    """Say what to decide, and behind it the likeliest class where that is something else."""
    likeliest = f"{prediction.probability:.4f}"
    if prediction.decision != prediction.label:
        likeliest = f"{prediction.label} {likeliest}"
    decision = "left open" if prediction.decision is None else prediction.decision
    return f"{prediction.file}: {decision} ({likeliest})"
