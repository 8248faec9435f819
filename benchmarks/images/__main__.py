"""Measures what accuracy image classifiers reach in the same time: ``python -m benchmarks.images``.

Each contender is trained in its own process, for the epochs that it has time for.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from dataclasses import asdict

from benchmarks.images.outcome import Outcome
from benchmarks.options import are_installed
from benchmarks.tables import environment, show_progress, table, write
from hardmax.errors import HardmaxError
from hardmax.evaluation.metrics import wilson_interval

#: The title of each contender, and the packages that it needs.
CONTENDERS = {
    "hardmax": ("hardmax train --minutes", ("hardmax", "torch")),
    "keras": ("Keras on TensorFlow", ("keras", "tensorflow")),
    "timm": ("timm", ("timm", "torchvision", "torch")),
}

HEADER = ("", "network", "weights", "epochs", "minutes", "accuracy", "95 % interval")


def main() -> int:
    options = parse()
    if options.child is not None:
        return run_child(options)
    packages = [*dict.fromkeys(name for one in options.only for name in CONTENDERS[one][1])]
    if not are_installed(packages):
        return 2
    outcomes = {}
    for name in options.only:
        show_progress(f"{name}, {options.minutes:g} minutes")
        command = [sys.executable, "-m", "benchmarks.images", options.data, "--child", name]
        ran = subprocess.run(
            [*command, "--minutes", str(options.minutes)],
            env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            text=True,
        )
        if ran.returncode:
            return ran.returncode
        outcomes[name] = Outcome(**json.loads(ran.stdout.splitlines()[-1]))
    show_progress("")
    text = report(outcomes, options.minutes, packages)
    print(text)
    if options.write is not None:
        write(options.write, text)
    return 0


def run_child(options: argparse.Namespace) -> int:
    """Train one contender, and print its outcome as JSON."""
    try:
        contender = importlib.import_module(f"benchmarks.images.with_{options.child}")
        print(json.dumps(asdict(contender.fit(options.data, options.minutes))))
    except HardmaxError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def report(outcomes: dict[str, Outcome], minutes: float, packages: list[str]) -> str:
    """Return the table and the environment as Markdown."""
    rows = []
    for name, outcome in outcomes.items():
        low, high = wilson_interval(outcome.correct, outcome.count)
        rows.append(
            (
                CONTENDERS[name][0],
                outcome.network,
                f"{outcome.weights:,}",
                str(outcome.epochs),
                f"{outcome.seconds / 60:.1f}",
                f"{outcome.correct / outcome.count:.4f}",
                f"{low:.4f} to {high:.4f}",
            )
        )
    return f"{environment(packages)}; {minutes:g} minutes each, one seed.\n\n{table(HEADER, rows)}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.add_argument("data", help="the images, such as fashion-mnist or a folder")
    parser.add_argument("--minutes", type=float, default=5, help="of training (default: 5)")
    parser.add_argument(
        "--only", nargs="+", choices=CONTENDERS, default=[*CONTENDERS], help="these contenders"
    )
    parser.add_argument(
        "--write", metavar="SECTION", help="write the table to this section of the README"
    )
    parser.add_argument("--child", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
