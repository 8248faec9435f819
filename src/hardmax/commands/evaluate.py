"""``hardmax evaluate``: judge a run."""

from pathlib import Path
from typing import Annotated

import typer

from hardmax.commands.common import Framework, Json, RunFolder, print_json

__all__ = ["evaluate"]


def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Data to judge on.  [default: that of the training]"),
    ] = None,
    framework: Framework = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write an HTML report, too."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a run on a test set."""
    from hardmax import inference
    from hardmax.checkpoint import write_whole

    judged = inference.evaluate(run, data, framework)
    if report is not None:
        write_whole(report, judged.report().encode("utf-8", "xmlcharrefreplace"))
    if as_json:
        print_json(judged.judgement.as_dict())
    else:
        print(f"test {judged.judgement}\n     {judged.judgement.figures()}")
