"""``hardmax evaluate``: evaluate a run on a test set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax.cli.calibrate import before_and_after
from hardmax.cli.lines import INDENT, print_figures, print_text
from hardmax.cli.options import (
    AbstainBelow,
    CostsFile,
    Framework,
    Json,
    RunFolder,
    notice,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hardmax.evaluation.classification import ClassifierEvaluation
    from hardmax.evaluation.decision_rules import Outcome
    from hardmax.reports.suspects import Suspects

__all__ = ["evaluate", "print_evaluation", "print_suspects"]


def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Data to evaluate on.  [default: the test set of the training data]",
        ),
    ] = None,
    framework: Framework = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Also write an HTML report."),
    ] = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    as_json: Json = False,
) -> None:
    """Evaluate a run on a test set."""
    from hardmax.files import write_whole
    from hardmax.processes.environment import place
    from hardmax.runs.evaluate import evaluate as evaluate_run

    evaluated = evaluate_run(run, data, framework, costs, abstain_below, notice)
    if report is not None and place().is_first:
        write_whole(report, evaluated.report(report.parent).encode("utf-8", "xmlcharrefreplace"))
    if as_json:
        print_json(evaluated.as_dict())
        return
    evaluation = evaluated.evaluation
    print_evaluation(evaluation)
    if evaluation.uncalibrated is not None:
        changes = before_and_after(evaluation.uncalibrated, evaluation)
        print_figures(f"{INDENT}calibrated by temperature {evaluation.temperature:.4f}: {changes}")
    if evaluation.rules:
        _print_rules(evaluation.rules)
    advice = "--report FILE shows them" if report is None else "see the report"
    print_suspects(evaluated.suspects, advice)


def print_evaluation(evaluation: "ClassifierEvaluation") -> None:
    """Print the main metrics of a test set."""
    print_figures(f"test {evaluation}, {evaluation.figures()}")
    if evaluation.prediction_sets is not None:
        print_figures(f"{INDENT}{evaluation.prediction_sets}")


def print_suspects(sets: "Sequence[Suspects]", advice: str) -> None:
    """Print how many labels may be wrong, and what to do about it, unless there are none."""
    from hardmax.reports.suspects import described

    if numbers := described(sets):
        print_text(f"labels: {numbers}; {advice}")


def _print_rules(rules: "list[Outcome]") -> None:
    print(f"{'rule':<24}{'coverage':>10}{'accuracy':>10}{'cost':>12}")
    for rule in rules:
        figures = rule["coverage"], rule["accuracy"], rule["cost"]
        coverage, accuracy, cost = ("-" if x is None else f"{x:.4f}" for x in figures)
        print(f"{rule['rule']:<24}{coverage:>10}{accuracy:>10}{cost:>12}")
