"""``hardmax parity``: train in several frameworks and report how much they differ."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.cli.options import (
    INTERRUPTED,
    Data,
    Json,
    notice,
    print_json,
    with_settings,
)
from hardmax.training.precision import FLOAT32, PRECISIONS

__all__ = ["parity"]


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
        str, typer.Option(metavar="NAME,...", help="Two or more frameworks, separated by commas.")
    ] = "torch,jax,tensorflow,mxnet",
    precision: Annotated[
        str,
        typer.Option(
            metavar="|".join(PRECISIONS), help="Precision of the training steps, in all frameworks."
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


def _print_line(line: str) -> None:
    print(line, flush=True)


def _print_path(what: str, path: Path) -> None:
    print(plain(f"{what} {path}"))


def _print_network(network: dict[str, Any], precision: str) -> None:
    from hardmax.parity.report import COLUMNS

    print(f"\n{network['model']}: {network['weights']:,} weights, trained in {precision}")
    if network["dropout"]:
        print(
            "with dropout, which each framework samples itself: only the initial scores must agree"
        )
    print(
        f"{'':<20}{'train loss':>12}{'test loss':>12}{'accuracy':>10}{'s/epoch':>10}"
        f"{'compile s':>11}{'peak MiB':>10}"
    )
    for run in network["runs"]:
        print(
            f"{run['framework']:<20}{run['train_loss']:>12.6f}{run['test']['loss']:>12.6f}"
            f"{run['test']['accuracy']:>10.4f}{run['seconds_per_epoch']:>10.3f}"
            f"{run['compile_seconds']:>11.2f}{run['peak_memory'] / 2**20:>10.0f}"
        )
    print("largest relative differences (absolute for losses)")
    titles = "".join(f"{title:>16}" for title in COLUMNS.values())
    print(f"{'':<20}{titles}{'train loss':>12}{'test loss':>12}  same labels")
    for pair in network["pairs"]:
        print(_pair_line(pair, (*COLUMNS,)))


def _pair_line(pair: dict[str, Any], kinds: tuple[str, ...]) -> str:
    """Return the differences of a pair on one line, those above the limit marked with "!"."""
    differences = "".join(
        f"{pair[kind]['relative']:>15.1e}{'!' if kind in pair['above_limit'] else ' '}"
        for kind in kinds
    )
    return (
        f"{', '.join(pair['frameworks']):<20}{differences}{pair['train_loss']:>12.1e}"
        f"{pair['test_loss']:>12.1e}  {pair['same_labels']} of {pair['count']}"
    )
