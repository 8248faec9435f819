"""Markdown tables, the environment they were measured in, and their sections of the README."""

import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

__all__ = ["environment", "show_progress", "table", "write"]

README = Path(__file__).with_name("README.md")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a padded Markdown table; all columns but the first are right-aligned."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return " | ".join([f"| {first[0]:<{first[1]}}", *(f"{c:>{w}}" for c, w in others)]) + " |"

    rule = " | ".join(["| " + "-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]) + " |"
    return "\n".join([line(header), rule, *map(line, rows)])


def environment(packages: Sequence[str]) -> str:
    """Return the date, machine and versions of a measurement."""
    installed_by = metadata.packages_distributions()
    names = {name: installed_by.get(name, [name])[0] for name in packages}
    versions = "".join(f", {name} {metadata.version(by)}" for name, by in names.items())
    return (
        f"{date.today()}, {_cores()} cores ({_cpu()}), {platform.system()}, "
        f"Python {platform.python_version()}{versions}"
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    try:
        match = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()


def show_progress(text: str) -> None:
    """Show ``text`` on one line of the terminal, replacing the last one."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def write(section: str, text: str) -> None:
    """Replace the text between the two markers of a section of the README."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    before, _, rest = README.read_text(encoding="utf-8").partition(begin)
    _, marker, after = rest.partition(end)
    if not marker:
        raise ValueError(f"{README} has no {begin} and {end}")
    README.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
