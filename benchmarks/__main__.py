"""Measures the time per epoch: ``python -m benchmarks``; see ``--help`` for the options."""

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.contenders import CONTENDERS, MODELS, PATHS, packages
from benchmarks.options import are_installed, positive
from benchmarks.tables import environment, show_progress, table, write

if TYPE_CHECKING:
    from benchmarks.measure import Results

#: The limits of --check for both paths of hardmax: the time per epoch relative to the bare loop,
#: and the seconds of a first epoch of the small networks, including compilation.
MAX_RATIO = {"torch": 1.10, "jax": 1.10, "tensorflow": 1.10, "mxnet": 1.15}
MAX_FIRST = {"softmax-regression": 3.0, "mlp": 3.0}

HEADER = (
    "",
    "ms per epoch",
    "minimum",
    "times bare",
    "epochs",
    "first epoch, ms",
    "test loss",
    "correct",
    "train loss",
)


def main() -> int:
    options = parse()
    if options.framework is None:
        return max(run_framework(framework) for framework in CONTENDERS)
    needed = packages(options.framework, options.only)
    if not are_installed(needed):
        return 2
    # All contenders train on the CPU; this must be set before a framework or Keras is imported.
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
        model: measure(
            options.framework, dataset, model, options.only, count, options.epochs, show_progress
        )
        for model, count in rounds.items()
    }
    show_progress("")
    text = report(measured, needed, options)
    print(text)
    results = [result for by_name in measured.values() for result in by_name.values()]
    failures = [failure for result in results for failure in mismatches(result)]
    if options.check and not failures:
        failures = [
            failure
            for model, by_name in measured.items()
            for failure in slowness(options.framework, model, by_name)
        ]
    for failure in failures:
        print(failure, file=sys.stderr)
    if options.write and all(result.equal for result in results):
        write(options.framework, text)
    return 1 if failures else 0


def run_framework(framework: str) -> int:
    """Measure a framework in its own process; return the exit code."""
    command = [sys.executable, "-m", "benchmarks", "--framework", framework, *sys.argv[1:]]
    return subprocess.run(command).returncode


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Train on Fashion-MNIST with several trainers in turn and compare their speed.",
    )
    names = list(dict.fromkeys(name for by_name in CONTENDERS.values() for name in by_name))
    add = parser.add_argument
    add("--framework", choices=CONTENDERS, help="the framework (default: all, one after another)")
    defaults = ", ".join(f"{model} {rounds}" for model, rounds in MODELS.items())
    add("--rounds", type=positive, help=f"the number of trainings of each (default: {defaults})")
    add(
        "--epochs",
        type=positive,
        default=3,
        help="epochs per training, of which the first is reported separately (default: 3; with "
        "more, rounding alone makes the MLP's losses differ by more than the tolerance)",
    )
    add("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    add("--model", nargs="+", choices=MODELS, metavar="NAME", help=", ".join(MODELS))
    add("--check", action="store_true", help="exit with 1 if hardmax is too slow")
    add("--write", action="store_true", help="write the tables to benchmarks/README.md")
    options = parser.parse_args()
    if options.write and (options.only or options.model):
        parser.error("--write needs complete tables: remove --only and --model")
    if options.epochs < 2:
        parser.error("--epochs must be at least 2, because the first epoch is reported separately")
    if options.framework:
        # The reference always trains, and the order is that of the table.
        wanted = {"bare", *(options.only or names)}
        options.only = [name for name in CONTENDERS[options.framework] if name in wanted]
    options.model = options.model or [*MODELS]
    return options


def report(
    measured: dict[str, dict[str, "Results"]], needed: Sequence[str], options: argparse.Namespace
) -> str:
    """Return the tables and the environment as Markdown."""
    parts = [f"{environment(needed)}; {options.epochs} epochs per training."]
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


def mismatches(result: "Results") -> list[str]:
    """Return why a contender's results differ from the bare loop's."""
    if result.equal:
        return []
    if result.miscounted:
        return [f"{result.title}: its reported test accuracy is not that of its weights"]
    return [f"{result.title}: its losses differ by {result.difference:.1e} from the bare loop's"]


def slowness(framework: str, model: str, results: dict[str, "Results"]) -> list[str]:
    """Return where hardmax is slower than allowed."""
    failures = []
    for path in (results[name] for name in PATHS if name in results):
        ratio, first = path.ratio(results["bare"]), median(path.first)
        limit = MAX_RATIO[framework]
        if ratio > limit:
            failures.append(
                f"{model}: {path.title} takes {ratio:.3f} of the bare time, limit {limit:.2f}"
            )
        max_first = MAX_FIRST.get(model, math.inf)
        if first > max_first:
            failures.append(
                f"{model}: the first epoch of {path.title} takes {first:.1f} s, "
                f"limit {max_first:.0f} s"
            )
        for name, other in results.items():
            minimum = CONTENDERS[framework][name].min_ratio.get(model, 0)
            if other.ratio(path) < minimum:
                failures.append(
                    f"{model}: {path.title} is {other.ratio(path):.2f} times as fast as "
                    f"{other.title}, minimum {minimum:.2f}"
                )
    return failures


if __name__ == "__main__":
    sys.exit(main())
