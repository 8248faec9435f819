"""``hardmax parity``: train in several frameworks and report how much they differ."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.cli.options import (
    INTERRUPTED,
    Activation,
    Balanced,
    BatchSize,
    Channels,
    Clip,
    Data,
    Device,
    Dropout,
    Epochs,
    Hidden,
    Init,
    Json,
    Label,
    Momentum,
    Optimizer,
    Rate,
    Schedule,
    Seed,
    Size,
    SkipBad,
    Test,
    Warmup,
    WeightDecay,
    fraction_or_source,
    notice,
    print_json,
    sides,
    widths,
)

__all__ = ["parity"]


def parity(
    data: Data,
    models: Annotated[
        str, typer.Option(help="Networks, separated by commas.")
    ] = "softmax-regression",
    frameworks: Annotated[
        str, typer.Option(help="Two or more frameworks, separated by commas.")
    ] = "torch,jax,tensorflow,mxnet",
    hidden: Hidden = None,
    activation: Activation = None,
    dropout: Dropout = None,
    init: Init = None,
    epochs: Epochs = 10,
    batch_size: BatchSize = None,
    lr: Rate = None,
    optimizer: Optimizer = "sgd",
    momentum: Momentum = 0.0,
    weight_decay: WeightDecay = 0.0,
    schedule: Schedule = "constant",
    warmup: Warmup = 0.0,
    clip: Clip = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    balanced: Balanced = False,
    test: Test = None,
    size: Size = None,
    channels: Channels = None,
    skip_bad: SkipBad = False,
    label: Label = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder to write the report to.  [default: runs/NAME]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the same networks in several frameworks and report how much they differ."""
    given = {**locals()}
    from hardmax.parity.report import RECORD, REPORT, run_parity

    arguments = ("data", "models", "frameworks", "out", "as_json")
    options = {name: value for name, value in given.items() if name not in arguments}
    options |= {"hidden": widths(hidden), "test": fraction_or_source(test), "size": sides(size)}
    names = (models.split(","), frameworks.split(","))
    try:
        path, record = run_parity(data, *names, options, out, None if as_json else _print_line)
    except KeyboardInterrupt:
        notice("interrupted; nothing was saved")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({"parity": str(path), **record})
        return
    for network in record["networks"]:
        _print_network(network)
    _print_path("parity report", path / REPORT)
    _print_path("JSON", path / RECORD)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _print_path(what: str, path: Path) -> None:
    print(plain(f"{what} {path}"))


def _print_network(network: dict[str, Any]) -> None:
    from hardmax.parity.report import COLUMNS

    print(f"\n{network['model']}: {network['weights']:,} weights")
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
