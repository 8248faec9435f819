"""``hardmax runs``: list the runs in a folder."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardmax.checks import plain
from hardmax.cli.lines import WIDTH, padded
from hardmax.cli.options import Json, print_json

if TYPE_CHECKING:
    from hardmax.runs.listing import ListedRun

__all__ = ["runs"]

#: The titles of the columns, and what is between two of them.
TITLES, GAP = ("date", "model", "data", "accuracy", "measured on"), "  "

#: The most columns of the terminal for the name of a model, and for those of model and data.
MODEL, MODEL_AND_DATA = 18, 32


def runs(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="Folder to look for runs in, also in the folders below it.  [default: runs]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the runs in a folder, newest first."""
    from hardmax.runs.listing import list_runs
    from hardmax.runs.writer import RUNS

    where = RUNS if folder is None else folder
    # Before the first training there is no such folder yet.
    found = [] if folder is None and not RUNS.exists() else list_runs(where)
    if as_json:
        print_json([asdict(run) for run in found])
    elif found:
        _print_runs(found)
    else:
        print(plain(f"no runs in {where}"))


def _print_runs(found: "list[ListedRun]") -> None:
    """Print two lines per run: its row of the table, and its folder, which may be of any length."""
    usable = [run for run in found if run.error is None]
    rows = [TITLES, *map(_cells, usable)]
    widths = _widths(rows)
    lines = [GAP.join(map(padded, row, widths)).rstrip() for row in rows]
    if usable:
        print(lines[0])
    for run, line in zip(usable, lines[1:], strict=True):
        print(line, plain(f"  {run.run}"), sep="\n")
    for run in found[len(usable) :]:
        print(plain(f"damaged or of another version: {run.run}"))
        print(plain(f"  {run.error}"))


def _cells(run: "ListedRun") -> tuple[str, ...]:
    """Return the row of a run that can be used."""
    return (
        "unknown" if run.date is None else f"{run.date:%Y-%m-%d %H:%M}",
        run.model,
        run.data,
        "" if run.test_accuracy is None else f"{run.test_accuracy:>8.4f}",
        f"{run.test_count} {run.test_examples}",
    )


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    """Return the widths of the columns; models and data share MODEL_AND_DATA."""
    from rich.cells import cell_len

    date, model, data, accuracy, _ = (
        max(cell_len(plain(cell)) for cell in column) for column in zip(*rows, strict=True)
    )
    model = min(model, MODEL)
    data = min(data, MODEL_AND_DATA - model)
    others = [date, model, data, accuracy]
    return [*others, WIDTH - sum(others) - len(GAP) * len(others)]
