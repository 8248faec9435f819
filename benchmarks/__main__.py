"""What an epoch costs: ``python -m benchmarks`` measures it, ``--help`` lists the options."""

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.contenders import CONTENDERS, MODELS, ROADS, missing, packages, positive
from benchmarks.tables import made_with, table, tell, write

if TYPE_CHECKING:
    from benchmarks.measure import Results

#: What --check asks of both roads of hardmax: at most so many times the bare loop's time, and at
#: most so many seconds for a first epoch, with what is compiled for it, of the small networks.
AT_MOST = {"torch": 1.10, "jax": 1.10, "tensorflow": 1.10, "mxnet": 1.15}
FIRST = {"softmax-regression": 3.0, "mlp": 3.0}

HEADER = (
    "",
    "ms an epoch",
    "least",
    "times bare",
    "epochs",
    "first epoch, ms",
    "test loss",
    "right",
    "train loss",
)


def main() -> int:
    options = parse()
    if options.framework is None:
        return max(apart(framework) for framework in CONTENDERS)
    needed = packages(options.framework, options.only)
    lacking = missing(needed)
    if lacking:
        print(f"not installed: {', '.join(lacking)}; run `make bench`", file=sys.stderr)
        return 2
    # Everybody trains on the CPU; all this must be said before a framework and Keras are imported.
    os.environ |= {
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": options.framework,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_TORCH_DEVICE": "cpu",
    }

    from benchmarks.measure import measure
    from hardmax.data.images.fashion_mnist import load_fashion_mnist
    from hardmax.errors import HardmaxError

    try:
        dataset = load_fashion_mnist()
    except HardmaxError as error:
        print(error, file=sys.stderr)
        return 2
    rounds = {model: options.rounds or MODELS[model] for model in options.model}
    measured = {
        model: measure(options.framework, dataset, model, options.only, often, options.epochs, tell)
        for model, often in rounds.items()
    }
    tell("")
    text = told(measured, needed, options)
    print(text)
    results = [result for by_name in measured.values() for result in by_name.values()]
    faults = [fault for result in results for fault in unequal(result)]
    if options.check and not faults:
        faults = [
            fault
            for model, by_name in measured.items()
            for fault in slow(options.framework, model, by_name)
        ]
    for fault in faults:
        print(fault, file=sys.stderr)
    if options.write and all(result.equal for result in results):
        write(options.framework, text)
    return 1 if faults else 0


def apart(framework: str) -> int:
    """Measure a framework in a process of its own; return the exit code."""
    command = [sys.executable, "-m", "benchmarks", "--framework", framework, *sys.argv[1:]]
    return subprocess.run(command).returncode


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Train on Fashion-MNIST in several ways, in turn, and compare the time.",
    )
    names = list(dict.fromkeys(name for by_name in CONTENDERS.values() for name in by_name))
    add = parser.add_argument
    add("--framework", choices=CONTENDERS, help="one of them (default: one after the other)")
    often = ", ".join(f"{model} {rounds}" for model, rounds in MODELS.items())
    add("--rounds", type=positive, help=f"how often each trains (default: {often})")
    add(
        "--epochs",
        type=positive,
        default=3,
        help="epochs of a training, of which the first is told apart (default: 3; with more, "
        "rounding alone drives the losses of the MLP apart by more than is allowed)",
    )
    add("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    add("--model", nargs="+", choices=MODELS, metavar="NAME", help=", ".join(MODELS))
    add("--check", action="store_true", help="exit with 1 where hardmax is not fast enough")
    add("--write", action="store_true", help="put the tables into benchmarks/README.md")
    options = parser.parse_args()
    if options.write and (options.only or options.model):
        parser.error("--write wants all of the table: leave out --only and --model")
    if options.epochs < 2:
        parser.error("the first epoch is told apart: ask for at least 2 epochs")
    if options.framework:
        # The reference always trains, and the order is that of the table.
        wanted = {"bare", *(options.only or names)}
        options.only = [name for name in CONTENDERS[options.framework] if name in wanted]
    options.model = options.model or [*MODELS]
    return options


def told(
    measured: dict[str, dict[str, "Results"]], needed: Sequence[str], options: argparse.Namespace
) -> str:
    """Return the tables, and what they were measured with, as Markdown."""
    parts = [f"{made_with(needed)}; trainings of {options.epochs} epochs."]
    for model, by_name in measured.items():
        rows = [row(result, by_name["bare"]) for result in by_name.values()]
        rounds = len(by_name["bare"].seconds)
        parts += [f"**{model}**, {rounds} rounds", table(HEADER, rows)]
    return "\n\n".join(parts)


def row(result: "Results", bare: "Results") -> Sequence[str]:
    if result.equal:
        times = (
            f"{1e3 * median(result.epochs):.1f}",
            f"{1e3 * min(result.epochs):.1f}",
            f"{result.ratio(bare):.2f}",
            str(len(result.epochs)),
            f"{1e3 * median(result.first):.0f}",
        )
    else:
        times = ("-", "-", "-", "-", "-")
    losses = (f"{result.test_loss:.5f}", str(result.correct), f"{result.train_loss:.5f}")
    return (result.title, *times, *losses)


def unequal(result: "Results") -> list[str]:
    """Say why a contender's work is not that of the bare loop."""
    if result.equal:
        return []
    if result.miscounted:
        return [f"{result.title}: what it says of the test set is not what its weights do"]
    return [f"{result.title}: its losses lie {result.difference:.1e} from the bare loop's"]


def slow(framework: str, model: str, results: dict[str, "Results"]) -> list[str]:
    """Say where hardmax is slower than it must be."""
    faults = []
    for road in (results[name] for name in ROADS if name in results):
        ratio, first = road.ratio(results["bare"]), median(road.first)
        most = AT_MOST[framework]
        if ratio > most:
            faults.append(f"{model}: {road.title} takes {ratio:.3f} of bare, not {most:.2f}")
        begin = FIRST.get(model, math.inf)
        if first > begin:
            faults.append(f"{model}: {road.title} takes {first:.1f} s to begin, not {begin:.0f}")
        for name, other in results.items():
            wanted = CONTENDERS[framework][name].behind.get(model, 0)
            if other.ratio(road) < wanted:
                faults.append(
                    f"{model}: {road.title} is {other.ratio(road):.2f} times as fast as "
                    f"{other.title}, not {wanted:.2f}"
                )
    return faults


if __name__ == "__main__":
    sys.exit(main())
