"""What starting costs, whole processes: ``python -m benchmarks.startup``."""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.contenders import missing, positive
from benchmarks.tables import made_with, table, tell, write
from hardmax.frameworks import FRAMEWORKS

PACKAGES = ("hardmax", *(package for needed in FRAMEWORKS.values() for package in needed))

#: The import of each sibling, and that of the packages that it builds on.
SIBLINGS = {
    f"import hardmax.{name}": f"import {', '.join(packages)}"
    for name, packages in FRAMEWORKS.items()
}

COMMANDS = {
    "python, nothing imported": [sys.executable, "-c", ""],
    "import hardmax": [sys.executable, "-c", "import hardmax"],
    "hardmax --help": [str(Path(sys.executable).with_name("hardmax")), "--help"],
    **{
        code: [sys.executable, "-c", code]
        for sibling, native in SIBLINGS.items()
        for code in (native, sibling)
    },
}

#: Most seconds, and over what.
TARGETS = {
    "import hardmax": (0.1, None),
    "hardmax --help": (0.3, None),
    **{sibling: (0.1, native) for sibling, native in SIBLINGS.items()},
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=15, help="how often each (default: 15)")
    parser.add_argument("--check", action="store_true", help="exit with 1 where one is too slow")
    parser.add_argument("--write", action="store_true", help="put it into benchmarks/README.md")
    options = parser.parse_args()
    lacking = missing(PACKAGES)
    if lacking:
        print(f"not installed: {', '.join(lacking)}; run `make bench`", file=sys.stderr)
        return 2
    seconds = measure(options.rounds)
    text = told(seconds, options.rounds)
    print(text)
    if options.write:
        write("startup", text)
    late = [what for what in TARGETS if over(seconds, what) > TARGETS[what][0]]
    if options.check and late:
        print(f"slower than it must be: {', '.join(late)}", file=sys.stderr)
        return 1
    return 0


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each command took in each round, after one that warms up."""
    seconds: dict[str, list[float]] = {what: [] for what in COMMANDS}
    for number in range(rounds + 1):
        tell(f"round {number} of {rounds}")
        for what, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number:
                seconds[what].append(time.perf_counter() - start)
    tell("")
    return seconds


def over(seconds: dict[str, list[float]], what: str) -> float:
    """Return a median time, or the median over the rounds of what it is over another."""
    other = TARGETS[what][1]
    if other is None:
        return median(seconds[what])
    return median(a - b for a, b in zip(seconds[what], seconds[other], strict=True))


def told(seconds: dict[str, list[float]], rounds: int) -> str:
    """Return the table, and what it was measured with, as Markdown."""
    rows = []
    for what, times in seconds.items():
        target = ""
        if what in TARGETS:
            most, other = TARGETS[what]
            target = f"{1e3 * most:.0f}" + (f" over {other}" if other else "")
        rows.append((what, f"{1e3 * median(times):.0f}", f"{1e3 * min(times):.0f}", target))
    return "\n\n".join(
        [
            f"{made_with(PACKAGES)}; {rounds} rounds.",
            table(("", "ms", "least", "at most"), rows),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
