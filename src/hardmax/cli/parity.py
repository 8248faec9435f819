"""``hardmax parity``: train in several frameworks and report how much they differ."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.cli.lines import print_text
from hardmax.cli.options import (
    INTERRUPTED,
    Data,
    Json,
    notice,
    print_json,
    with_settings,
)
from hardmax.errors import ArgumentError
from hardmax.training.precision import FLOAT32, PRECISIONS

__all__ = ["parity"]

#: The width of the names of two frameworks.
PAIR = 18


@with_settings(
    *("model", "framework", "validation", "patience", "ensemble", "folds"),
    *("pretrained", "finetune", "from_run", "minutes", "precision"),
)
def parity(
    data: Data,
    *,
    models: Annotated[
        str, typer.Option(metavar="NAME,...", help="Networks, separated by commas.")
    ] = "softmax-regression",
    frameworks: Annotated[
        str, typer.Option(metavar="NAME,...", help="Frameworks, separated by commas.")
    ] = "torch,jax,tensorflow,mxnet",
    processes: Annotated[
        str,
        typer.Option(
            metavar="N,...",
            help="Numbers of processes to train in, separated by commas; several, to compare them "
            "in place of frameworks or besides.",
        ),
    ] = "1",
    precision: Annotated[
        str,
        typer.Option(
            metavar="|".join(PRECISIONS),
            help="Precision of the training steps, in all frameworks.",
            autocompletion=lambda: [*PRECISIONS],
        ),
    ] = FLOAT32,
    settings: dict[str, Any],
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder to write the report to.  [default: runs/NAME]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the same networks in several frameworks and report how much they differ."""
    from hardmax.parity.report import RECORD, REPORT, run_parity

    try:
        path, record = run_parity(
            settings | {"data": data},
            models=models.split(","),
            frameworks=frameworks.split(","),
            processes=_numbers(processes),
            precision=precision,
            out=out,
            log=None if as_json else _print_line,
        )
    except KeyboardInterrupt:
        notice("interrupted; nothing was saved")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({"parity": str(path), **record})
        return
    for network in record["networks"]:
        _print_network(network, precision)
    _print_path("parity report", path / REPORT)
    _print_path("JSON", path / RECORD)


def _numbers(text: str) -> list[int]:
    """Return whole numbers that are separated by commas. Raises ArgumentError for other text."""
    numbers = text.split(",")
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        raise ArgumentError(
            f"--processes must be whole numbers separated by commas, such as 1,2, got {text!r}"
        )
    return [*map(int, numbers)]


def _print_line(line: str) -> None:
    print(line, flush=True)


def _print_path(what: str, path: Path) -> None:
    print(plain(f"{what} {path}"))


def _print_network(network: dict[str, Any], precision: str) -> None:
    print(f"\n{network['model']}: {network['weights']:,} weights, trained in {precision}")
    if network["dropout"]:
        print_text(
            "with dropout, which each framework samples itself: only the initial scores must agree"
        )
    print(
        f"{'':<{PAIR}}{'train loss':>12}{'test loss':>11}{'accuracy':>9}{'s/epoch':>9}"
        f"{'compile s':>10}{'peak MiB':>9}"
    )
    for run in network["runs"]:
        print(
            f"{run['name']:<{PAIR}}{run['train_loss']:>12.6f}{run['test']['loss']:>11.6f}"
            f"{run['test']['accuracy']:>9.4f}{run['seconds_per_epoch']:>9.3f}"
            f"{run['compile_seconds']:>10.2f}{run['peak_memory'] / 2**20:>9.0f}"
        )
    _print_differences(network["pairs"])


def _print_differences(pairs: list[dict[str, Any]]) -> None:
    """Print the differences of pairs, those above the limit marked with "!"."""
    from hardmax.parity.report import COLUMNS

    print("largest relative differences")
    # Titles of several words take two lines.
    first, last = zip(*(_halves(title) for title in COLUMNS.values()), strict=True)
    for words in (first, last):
        print((" " * PAIR + "".join(f"{word:>9} " for word in words)).rstrip())
    for pair in pairs:
        figures = (
            f"{pair[kind]['relative']:>9.1e}{'!' if kind in pair['above_limit'] else ' '}"
            for kind in COLUMNS
        )
        print(f"{_pair(pair)}{''.join(figures)}".rstrip())
    print("absolute differences of the losses, and how many predicted labels are the same")
    print(f"{'':<{PAIR}}{'train loss':>12}{'test loss':>11}  same labels")
    for pair in pairs:
        losses = f"{pair['train_loss']:>12.1e}{pair['test_loss']:>11.1e}"
        print(f"{_pair(pair)}{losses}  {pair['same_labels']} of {pair['count']}")


def _halves(title: str) -> tuple[str, str]:
    """Return all words of a title but the last, and the last."""
    first, _, last = title.rpartition(" ")
    return first, last


def _pair(pair: dict[str, Any]) -> str:
    return f"{', '.join(pair['frameworks']):<{PAIR}}"
