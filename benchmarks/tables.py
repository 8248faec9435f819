"""Tables in Markdown, what they were measured with, and their place in the README."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

README = Path(__file__).with_name("README.md")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned as text too, all but the first right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def made_with(packages: Sequence[str]) -> str:
    """Say when and on what something was measured."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    return (
        f"{date.today()}; {cores()} cores, {cpu()}, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def write(section: str, text: str) -> None:
    """Replace what the README has between the two marks of a section."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    before, found, rest = README.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{README} lacks the marks of {section!r}")
    README.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
