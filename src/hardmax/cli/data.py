"""``hardmax data``: what is found in data before anyone trains."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from hardmax.checks import plain
from hardmax.cli.options import INTERRUPTED, Data, Json, Label, print_json, remark
from hardmax.errors import ArgumentError

if TYPE_CHECKING:
    from hardmax.data.survey import Survey
    from hardmax.data.tables.survey import TableSurvey

__all__ = ["data"]

#: How many lines are printed of what may be long.
LINES = 20


def data(data: Data, label: Label = None, as_json: Json = False) -> None:
    """Say what is in data: classes, sizes, bad files, and what is there more than once."""
    from hardmax.data.load import find_path, is_table
    from hardmax.data.survey import survey
    from hardmax.data.tables.survey import survey_table

    if is_table(data):
        table = survey_table(find_path(data), label)
        if as_json:
            print_json(asdict(table))
        else:
            _print_table(table)
        return
    if label is not None:
        raise ArgumentError(f"{data} is no table; only tables take a label column")
    try:
        found = survey(data)
    except KeyboardInterrupt:
        remark("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        sizes = [
            {"height": height, "width": width, "channels": channels, "pictures": count}
            for (height, width, channels), count in found.sizes.items()
        ]
        print_json(asdict(found) | {"sizes": sizes})
    else:
        _print(found)


def _print(found: "Survey") -> None:
    _print_classes(found)
    sizes = [
        f"{count:>8} of {height} x {width} {'grey' if channels == 1 else 'colour'}"
        for (height, width, channels), count in found.sizes.items()
    ]
    _print_some("sizes", sizes)
    _print_some("files that cannot be read", found.unreadable.values())
    _print_some("files and folders that are no pictures of a class", found.ignored)
    _print_some("pictures that are there more than once", _joined(found.same))
    _print_some("pictures that are in the training and in the test part", _joined(found.in_both))


def _print_classes(found: "Survey") -> None:
    parts = {"train": "training", "test": "test"} if found.has_test else {"train": "examples"}
    total = {part: sum(counts[part] for counts in found.classes.values()) for part in parts}
    rows = [*found.classes.items(), (f"{len(found.classes)} classes", total)]
    width = max(len(plain(label)) for label, _ in rows)
    print(f"{'class':<{width}}" + "".join(f"{title:>12}" for title in parts.values()))
    for label, counts in rows:
        print(f"{plain(label):<{width}}" + "".join(f"{counts[part]:>12}" for part in parts))
    if not found.has_test:
        print("no test part; hardmax train splits one off, see its --test")


def _print_table(found: "TableSurvey") -> None:
    count = len(found.columns) + (found.label is not None)
    print(f"{found.rows} rows, {count} columns")
    width = max(6, *(len(plain(name)) for name in found.columns))
    print(f"{'column':<{width}}  {'kind':<10}{'missing':>9}{'different':>11}")
    for name, told in found.columns.items():
        if told["kind"] is None:
            print(plain(f"{name:<{width}}  ({told['why']})"))
            continue
        numbers = f"{told['missing']:>9}{told['different']:>11}"
        span = f"  {told['lowest']:g} to {told['highest']:g}" if "lowest" in told else ""
        why = f"  left out: {told['why']}" if "why" in told else ""
        print(plain(f"{name:<{width}}  {told['kind']:<10}{numbers}{span}{why}"))
    if found.label is not None:
        print(plain(f"classes in {found.label}: {len(found.classes)}"))
        for label, count in found.classes.items():
            print(plain(f"{count:>8} {label}"))
        if found.unlabelled:
            print(f"{found.unlabelled:>8} rows have none")
    groups = [" = ".join(map(str, rows)) for rows in found.same]
    _print_some("rows that are there more than once", groups)


def _joined(groups: Sequence[Sequence[str]]) -> list[str]:
    return [" = ".join(group) for group in groups]


def _print_some(title: str, lines: Iterable[str]) -> None:
    """Print a title with a count, and the first lines below it; nothing where there are none."""
    lines = [*lines]
    if not lines:
        return
    print(f"{title}: {len(lines)}")
    for line in lines[:LINES]:
        print(plain(f"  {line}"))
    if len(lines) > LINES:
        print(f"  and {len(lines) - LINES} more, which --json lists")
