"""What an epoch costs: ``python -m benchmarks`` measures it, ``--help`` lists the options."""

import argparse
import os
import sys
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.contenders import CONTENDERS, MODELS, missing, positive
from benchmarks.tables import made_with, table, tell, write

if TYPE_CHECKING:
    from benchmarks.measure import Results

PACKAGES = ("hardmax", "torch", "numpy", "keras", "lightning", "skorch")

#: What --check asks of both roads of hardmax: at most so many times the bare loop's time, and
#: softmax regression at least so many times as fast as these two.
AT_MOST = 1.10
AT_LEAST = 5.0
SLOWER = ("keras", "lightning")
ROADS = ("command-line", "book")

HEADER = ("", "ms an epoch", "least", "times bare", "epochs", "test loss", "right", "train loss")


def main() -> int:
    options = parse()
    lacking = missing(options.only)
    if lacking:
        print(f"not installed: {', '.join(lacking)}; run `make bench`", file=sys.stderr)
        return 2
    # Everybody trains on the CPU; both must be said before PyTorch and Keras are imported.
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["KERAS_TORCH_DEVICE"] = "cpu"

    from benchmarks.measure import measure
    from benchmarks.task import load
    from hardmax.errors import HardmaxError

    try:
        data = load()
    except HardmaxError as error:
        print(error, file=sys.stderr)
        return 2
    measured = {
        model: measure(data, model, options.only, options.rounds, options.epochs, tell)
        for model in options.model
    }
    tell("")
    text = told(measured, options)
    print(text)
    results = [result for by_name in measured.values() for result in by_name.values()]
    faults = [fault for result in results for fault in unequal(result)]
    if options.check and not faults:
        faults = [fault for model, by_name in measured.items() for fault in slow(model, by_name)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if options.write and all(result.equal for result in results):
        write("training", text)
    return 1 if faults else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Train on Fashion-MNIST in several ways, in turn, and compare the time.",
    )
    add = parser.add_argument
    add("--rounds", type=positive, default=15, help="how often each trains (default: 15)")
    add(
        "--epochs",
        type=positive,
        default=2,
        help="epochs of a training (default: 2; with more, rounding alone drives the losses of "
        "the MLP apart by more than is allowed)",
    )
    add("--only", nargs="+", choices=CONTENDERS, metavar="NAME", help=", ".join(CONTENDERS))
    add("--model", nargs="+", choices=MODELS, metavar="NAME", help=", ".join(MODELS))
    add("--check", action="store_true", help="exit with 1 where hardmax is not fast enough")
    add("--write", action="store_true", help="put the tables into benchmarks/README.md")
    options = parser.parse_args()
    if options.write and (options.only or options.model):
        parser.error("--write wants all of the table: leave out --only and --model")
    if options.rounds * options.epochs < 2:
        parser.error("one epoch is a warm-up: ask for more rounds or epochs")
    # The reference always trains, and the order is that of the table.
    wanted = {"bare", *(options.only or CONTENDERS)}
    options.only = [name for name in CONTENDERS if name in wanted]
    options.model = options.model or MODELS
    return options


def told(measured: dict[str, dict[str, "Results"]], options: argparse.Namespace) -> str:
    """Return the tables, and what they were measured with, as Markdown."""
    import torch

    installed = [name for name in PACKAGES if name not in CONTENDERS or name in options.only]
    parts = [
        f"{made_with(installed)}; {torch.get_num_threads()} threads, {options.rounds} rounds of "
        f"{options.epochs} epochs."
    ]
    for model, by_name in measured.items():
        rows = [row(result, by_name["bare"]) for result in by_name.values()]
        parts += [f"**{model}**", table(HEADER, rows)]
    return "\n\n".join(parts)


def row(result: "Results", bare: "Results") -> Sequence[str]:
    if result.equal:
        times = (
            f"{1e3 * median(result.epochs):.1f}",
            f"{1e3 * min(result.epochs):.1f}",
            f"{result.ratio(bare):.2f}",
            str(len(result.epochs)),
        )
    else:
        times = ("-", "-", "-", "-")
    losses = (f"{result.test_loss:.5f}", str(result.correct), f"{result.train_loss:.5f}")
    return (result.title, *times, *losses)


def unequal(result: "Results") -> list[str]:
    """Say why a contender's work is not that of the bare loop."""
    if result.equal:
        return []
    if result.miscounted:
        return [f"{result.title}: what it says of the test set is not what its weights do"]
    return [f"{result.title}: its losses lie {result.difference:.1e} from the bare loop's"]


def slow(model: str, results: dict[str, "Results"]) -> list[str]:
    """Say where hardmax is slower than it must be."""
    faults = []
    for name in ROADS:
        if name not in results:
            continue
        road = results[name]
        ratio = road.ratio(results["bare"])
        if ratio > AT_MOST:
            faults.append(f"{model}: {road.title} takes {ratio:.3f} of bare, not {AT_MOST:.2f}")
        for other in SLOWER:
            if other in results and model == "softmax-regression":
                ratio = results[other].ratio(road)
                if ratio < AT_LEAST:
                    faults.append(
                        f"{model}: {road.title} is {ratio:.1f} times as fast as "
                        f"{results[other].title}, not {AT_LEAST:.0f}"
                    )
    return faults


if __name__ == "__main__":
    sys.exit(main())
