"""``hardmax explain``: what a run makes of the columns of its table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax.cli.lines import cut, padded, print_figures, print_text
from hardmax.cli.options import Framework, Json, RunFolder, notice, print_json

if TYPE_CHECKING:
    from hardmax.evaluation.explanation import Dependence, Explanation
    from hardmax.evaluation.slices import Slice

__all__ = ["explain"]

#: The most slices and classes that are printed.
SLICES, CLASSES = 15, 4

#: The widths of a name and of a class.
NAME, WIDTH = 28, 11


def explain(
    run: RunFolder,
    framework: Framework = None,
    repeats: Annotated[
        int, typer.Option(metavar="N", min=1, help="Permutations of each column.")
    ] = 5,
    columns: Annotated[
        int, typer.Option(metavar="N", min=0, help="Columns to show the partial dependence of.")
    ] = 6,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Also write an HTML report."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain what a run on a table makes of its columns, and where it does worst."""
    from dataclasses import replace

    from hardmax.files import write_whole
    from hardmax.runs.explain import EXPLAINING
    from hardmax.runs.explain import explain as explain_run

    effort = replace(EXPLAINING, repeats=repeats, columns=columns)
    evaluated, explanation = explain_run(run, framework, effort, notice)
    if report is not None:
        page = evaluated.report(report.parent, explanation)
        write_whole(report, page.encode("utf-8", "xmlcharrefreplace"))
    if as_json:
        print_json(explanation.as_dict())
        return
    print_figures(f"test {evaluated.evaluation}")
    _print_importances(explanation)
    for dependence in explanation.dependences:
        _print_dependence(dependence, explanation.shown[:CLASSES])
    if explanation.dependences and len(explanation.shown) > CLASSES:
        print(f"(the first {CLASSES} of {len(explanation.shown)} classes; --json has all)")
    _print_slices(explanation.slices)


def _print_importances(explanation: "Explanation") -> None:
    print(
        f"\nimportance of the columns, each permuted {explanation.repeats} times in "
        f"{explanation.rows} test rows\n"
        f"{'column':<{NAME}}  {'the loss rises by':>24}  {'the accuracy falls by':>22}"
    )
    for one in explanation.importances:
        print(
            f"{padded(one.column, NAME)}  {one.loss:>14.4f} +- {one.loss_std:.4f}"
            f"  {one.accuracy:>12.4f} +- {one.accuracy_std:.4f}"
        )


def _print_dependence(dependence: "Dependence", classes: list[tuple[int, str]]) -> None:
    """Print the mean probabilities of some classes, numbers and names."""
    names = [cut(name, WIDTH) for _, name in classes]
    of = f" of {names[0]}" if len(names) == 1 else ""
    column = cut(dependence.column, NAME)
    print()
    print_text(f"mean probability{of} if all rows have a value of {column}")
    print(
        f"{'value':<{NAME}}", *(f"{name if not of else 'probability':>{WIDTH}}" for name in names)
    )
    for value, probabilities in zip(dependence.values, dependence.probabilities, strict=True):
        figures = (f"{probabilities[number]:>{WIDTH}.4f}" for number, _ in classes)
        print(padded(value, NAME), *figures)


def _print_slices(slices: "list[Slice]") -> None:
    from hardmax.evaluation.slices import SMALLEST

    print(
        f"\n{len(slices)} slices of at least {SMALLEST} test rows; * worse than chance explains\n"
        f"{'column':<18} {'value':<19}{'rows':>6}{'accuracy':>10}{'95 % interval':>16}{'loss':>7}"
    )
    for one in slices[:SLICES]:
        interval = "{:.3f} to {:.3f}".format(*one.interval)
        print(
            f"{padded(one.column, 18)} {padded(one.value, 19)}{one.count:>6}{one.accuracy:>10.4f}"
            f"{interval:>16}{one.loss:>7.3f}{' *' if one.is_weak else ''}"
        )
