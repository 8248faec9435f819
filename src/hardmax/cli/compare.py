"""``hardmax compare``: the same training in several frameworks, or two runs."""

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
    Device,
    Dropout,
    Epochs,
    Hidden,
    Json,
    Label,
    Momentum,
    Optimizer,
    Rate,
    Schedule,
    Seed,
    Size,
    SkipBad,
    Start,
    Test,
    Warmup,
    WeightDecay,
    fraction_or_source,
    print_json,
    remark,
    sides,
    widths,
)
from hardmax.errors import ArgumentError

__all__ = ["compare"]

#: As many classes are listed of what one run alone decides rightly.
MOST = 5


def compare(
    context: typer.Context,
    data: Annotated[
        str, typer.Argument(metavar="DATA|RUN", help="Data to train on, or the first of two runs.")
    ],
    other: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run to compare the first one with.")
    ] = None,
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
        typer.Option(metavar="DIR", help="The certificate's folder.  [default: runs/NAME]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Certify how far frameworks are apart that train the same, or compare two runs."""
    asked = {**locals()}
    if other is not None:
        _check_no_options(context)
        _compare_runs(data, other, as_json)
        return
    from hardmax.parity.report import RECORD, REPORT, certify

    own = ("context", "data", "other", "models", "frameworks", "out", "as_json")
    options = {name: value for name, value in asked.items() if name not in own}
    options |= {"hidden": widths(hidden), "test": fraction_or_source(test), "size": sides(size)}
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


def _check_no_options(context: typer.Context) -> None:
    """Raise ArgumentError where there are options, which runs that are compared do not take."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in ("data", "other", "as_json") and source and source.name == "COMMANDLINE":
            raise ArgumentError(
                f"two runs are compared as they are, without --{name.replace('_', '-')}; that is "
                "for hardmax compare DATA"
            )


def _compare_runs(first: str, second: str, as_json: bool) -> None:
    from hardmax.runs import evaluate

    compared = evaluate.compare(first, second)
    if as_json:
        print_json(compared.as_dict())
        return
    pair = compared.pair
    print(f"{'':<10}{'first':>10}{'second':>10}{'difference':>12}  95 % interval")
    for name, (one, other) in (("accuracy", pair.accuracy), ("loss", pair.loss)):
        low, high = pair.intervals[name]
        figures = f"{one:>10.4f}{other:>10.4f}{one - other:>12.4f}"
        print(f"{name:<10}{figures}  {low:.4f} to {high:.4f}")
    print(f"of {pair.count}, both are right on {pair.both}, neither on {pair.neither}")
    for place, places, classes in zip(
        ("first", "second"), pair.only, compared.alone(), strict=True
    ):
        listed = ", ".join(f"{name} {count}" for name, count in [*classes.items()][:MOST])
        more = ", ..." if len(classes) > MOST else ""
        print(plain(f"the {place} alone on {len(places)}{f' ({listed}{more})' if places else ''}"))
    print(f"McNemar's test: p = {pair.p:.3g}")
    one, other = compared.temperatures
    if one != other:
        print(f"the losses are by the temperatures {one:.4f} and {other:.4f}; 1: not calibrated")


def _tell(line: str) -> None:
    print(line, flush=True)


def _print_path(what: str, path: Path) -> None:
    print(plain(f"{what} {path}"))


def _print_network(network: dict[str, Any]) -> None:
    from hardmax.parity.report import COLUMNS

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
