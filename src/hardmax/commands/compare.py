"""``hardmax compare``: the same training in several frameworks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hardmax.checks import plain
from hardmax.commands.common import (
    INTERRUPTED,
    Activation,
    BatchSize,
    Clip,
    Data,
    Device,
    Dropout,
    Epochs,
    Hidden,
    Json,
    Momentum,
    Optimizer,
    Rate,
    Schedule,
    Seed,
    Start,
    Warmup,
    WeightDecay,
    print_json,
    remark,
    widths,
)

__all__ = ["compare"]


def compare(
    data: Data,
    models: Annotated[
        str, typer.Option(help="Names of networks, with commas between them.")
    ] = "softmax-regression",
    frameworks: Annotated[
        str, typer.Option(help="Two or more of them, with commas between them.")
    ] = "torch,jax,tensorflow,mxnet",
    hidden: Hidden = None,
    activation: Activation = None,
    dropout: Dropout = None,
    start: Start = None,
    epochs: Epochs = 10,
    batch_size: BatchSize = 256,
    lr: Rate = None,
    optimizer: Optimizer = "sgd",
    momentum: Momentum = 0.0,
    weight_decay: WeightDecay = 0.0,
    schedule: Schedule = "constant",
    warmup: Warmup = 0.0,
    clip: Clip = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The certificate's folder.  [default: runs/NAME]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the same in several frameworks, and certify how far they are apart."""
    asked = {**locals()}
    from hardmax.certificate import RECORD, REPORT, certify

    own = ("data", "models", "frameworks", "out", "as_json")
    options = {name: value for name, value in asked.items() if name not in own}
    options["hidden"] = widths(hidden)
    chosen = (models.split(","), frameworks.split(","))
    try:
        path, record = certify(data, *chosen, options, out, None if as_json else _tell)
    except KeyboardInterrupt:
        remark("interrupted; nothing kept")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({"certificate": str(path), **record})
        return
    for network in record["networks"]:
        _print_network(network)
    _print_path("certificate", path / REPORT)
    _print_path("figures", path / RECORD)


def _tell(line: str) -> None:
    print(line, flush=True)


def _print_path(what: str, path: Path) -> None:
    print(plain(f"{what} {path}"))


def _print_network(network: dict[str, Any]) -> None:
    from hardmax.certificate import COLUMNS

    print(f"\n{network['model']}: {network['weights']:,} weights")
    if network["dropout"]:
        print("with dropout, by chance of each framework's own: only starting scores must agree")
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
    titles = "".join(f"{title:>16}" for title in COLUMNS.values())
    print(f"{'apart by':<20}{titles}{'train loss':>12}{'test loss':>12}  same labels")
    for pair in network["pairs"]:
        print(_pair_line(pair, (*COLUMNS,)))


def _pair_line(pair: dict[str, Any], kinds: tuple[str, ...]) -> str:
    """Return a pair's differences, with a mark behind those that are more than normal."""
    shares = "".join(
        f"{pair[kind]['relative']:>15.1e}{'!' if kind in pair['beyond'] else ' '}" for kind in kinds
    )
    return (
        f"{', '.join(pair['frameworks']):<20}{shares}{pair['train_loss']:>12.1e}"
        f"{pair['test_loss']:>12.1e}  {pair['same_labels']} of {pair['count']}"
    )
