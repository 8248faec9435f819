"""``hardmax evaluate``: judge a run."""

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
    as_json: Json = False,
) -> None:
    """Judge a run on a test set."""
    from hardmax import inference

    evaluation = inference.evaluate(run, data, framework)
    if as_json:
        print_json(evaluation.as_dict())
    else:
        print(f"test {evaluation}")
