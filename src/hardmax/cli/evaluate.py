"""``hardmax evaluate``: judge a run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hardmax.cli.calibrate import before_and_after
from hardmax.cli.options import (
    AbstainBelow,
    CostsFile,
    Framework,
    Json,
    RunFolder,
    print_json,
    remark,
)

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
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    as_json: Json = False,
) -> None:
    """Judge a run on a test set."""
    from hardmax.files import write_whole
    from hardmax.runs.evaluate import evaluate as evaluate_run

    judged = evaluate_run(run, data, framework, costs, abstain_below, remark)
    if report is not None:
        write_whole(report, judged.report().encode("utf-8", "xmlcharrefreplace"))
    if as_json:
        print_json(judged.as_dict())
        return
    print(f"test {judged.judgement}\n     {judged.judgement.figures()}")
    if judged.uncalibrated is not None:
        changes = before_and_after(judged.uncalibrated, judged.judgement)
        print(f"     calibrated by temperature {judged.run.temperature:.4f}: {changes}")
    if judged.rules:
        _print_rules(judged.rules)


def _print_rules(rules: list[dict[str, Any]]) -> None:
    print(f"{'rule':<24}{'coverage':>10}{'accuracy':>10}{'cost':>12}")
    for rule in rules:
        figures = "".join(
            f"{'-' if rule[name] is None else format(rule[name], '.4f'):>{width}}"
            for name, width in (("coverage", 10), ("accuracy", 10), ("cost", 12))
        )
        print(f"{rule['rule']:<24}{figures}")
