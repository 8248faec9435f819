"""Measures the startup time of whole processes: ``python -m benchmarks.startup``."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.options import are_installed, parser
from benchmarks.tables import environment, show_progress, table, write
from hardmax.frameworks import FRAMEWORKS

PACKAGES = ("hardmax", *(package for needed in FRAMEWORKS.values() for package in needed))

#: The import of each backend, and that of the packages it depends on.
IMPORTS = {
    f"import hardmax.{name}": f"import {', '.join(packages)}"
    for name, packages in FRAMEWORKS.items()
}

COMMANDS = {
    "python, nothing imported": [sys.executable, "-c", ""],
    "import hardmax": [sys.executable, "-c", "import hardmax"],
    "hardmax --help": [str(Path(sys.executable).with_name("hardmax")), "--help"],
    **{
        code: [sys.executable, "-c", code]
        for backend, native in IMPORTS.items()
        for code in (native, backend)
    },
}

#: The most seconds allowed, and the command whose time is subtracted first.
TARGETS = {
    "import hardmax": (0.1, None),
    "hardmax --help": (0.3, None),
    **{backend: (0.1, native) for backend, native in IMPORTS.items()},
}


def main() -> int:
    options = parser("startup", __doc__, rounds=15, check="a command is too slow").parse_args()
    if not are_installed(PACKAGES):
        return 2
    seconds = measure(options.rounds)
    text = report(seconds, options.rounds)
    print(text)
    if options.write:
        write("startup", text)
    slow = [name for name in TARGETS if excess(seconds, name) > TARGETS[name][0]]
    if options.check and slow:
        print(f"slower than allowed: {', '.join(slow)}", file=sys.stderr)
        return 1
    return 0


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each command took in each round, after a warm-up round."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        show_progress(f"round {number} of {rounds}")
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number:
                seconds[name].append(time.perf_counter() - start)
    show_progress("")
    return seconds


def excess(seconds: dict[str, list[float]], name: str) -> float:
    """Return a command's median time, or the median of its excess over its reference."""
    other = TARGETS[name][1]
    if other is None:
        return median(seconds[name])
    return median(a - b for a, b in zip(seconds[name], seconds[other], strict=True))


def report(seconds: dict[str, list[float]], rounds: int) -> str:
    """Return the table and the environment as Markdown."""
    rows = []
    for name, times in seconds.items():
        target = ""
        if name in TARGETS:
            limit, other = TARGETS[name]
            target = f"{1e3 * limit:.0f}" + (f" over {other}" if other else "")
        rows.append((name, f"{1e3 * median(times):.0f}", f"{1e3 * min(times):.0f}", target))
    return "\n\n".join(
        [
            f"{environment(PACKAGES)}; {rounds} rounds.",
            table(("", "ms", "minimum", "limit"), rows),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
