"""``hardmax data``: inspect data before training."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from hardmax.checks import listed, plain, shortened
from hardmax.cli.lines import WIDTH, cut, padded, print_text
from hardmax.cli.options import (
    INTERRUPTED,
    OPTIONS,
    Data,
    Json,
    notice,
    print_json,
    with_options,
)

if TYPE_CHECKING:
    from hardmax.data.survey import Survey
    from hardmax.data.tables.survey import ColumnSummary, TableSurvey

__all__ = ["data"]

#: The parts of image data as titles of columns.
TITLES = {"train": "training", "validation": "validation", "test": "test"}

#: The most columns that names take in a table of classes, and in one of columns.
NAME, COLUMN = 40, 28

#: The most lines printed of each list, and of the sizes, which come in the order of frequency.
MAX_LINES, MAX_SIZES = 20, 5


#: The settings that say how to read a table, but not how to split or weight its rows.
OF_TABLES = [
    name
    for name, (_, option) in OPTIONS.items()
    if option.of_tables and name not in ("group", "time", "weight")
]


@with_options(OF_TABLES)
def data(data: Data, *, settings: dict[str, Any], as_json: Json = False) -> None:
    """Inspect data: classes, sizes, unreadable files and duplicates."""
    from hardmax.data.load import check_no_table_options, find_path, is_table
    from hardmax.data.options import Reading
    from hardmax.data.survey import survey
    from hardmax.data.tables.survey import survey_table

    reading = Reading(**settings)
    if is_table(data) and reading.files is None:
        table = survey_table(find_path(data), reading)
        if as_json:
            print_json(asdict(table))
        else:
            _print_table(table)
        return
    if not is_table(data):
        check_no_table_options(data, reading)
    try:
        result = survey(data, reading)
    except KeyboardInterrupt:
        notice("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        sizes = [
            {"height": height, "width": width, "channels": channels, "images": count}
            for (height, width, channels), count in result.sizes.items()
        ]
        sides = {
            name: {"height": height, "width": width}
            for name, (height, width) in result.sides.items()
        }
        print_json(asdict(result) | {"sizes": sizes, "sides": sides})
    else:
        _print_images(result)


def _print_images(survey: "Survey") -> None:
    for message in (*survey.notices, *survey.warnings):
        notice(message)
    _print_classes(survey)
    sizes = [
        f"{count:>8} of {height} x {width} {'grayscale' if channels == 1 else 'color'}"
        for (height, width, channels), count in survey.sizes.items()
    ]
    title = f"sizes ({_sides(survey)})" if len(sizes) > 1 else "sizes"
    _print_list(title, sizes, MAX_SIZES)
    _print_list("unreadable files", survey.unreadable.values())
    _print_list("ignored files and folders", map(shortened, survey.ignored))
    _print_list("duplicate images", _joined(survey.same))
    _print_list("images in more than one set", _joined(survey.in_several))


def _sides(survey: "Survey") -> str:
    """Return the least, the median and the largest height and width in words."""
    return ", ".join(
        f"{name} {height:g} x {width:g}" for name, (height, width) in survey.sides.items()
    )


def _print_classes(survey: "Survey") -> None:
    parts = [*next(iter(survey.classes.values()))]
    total = {part: sum(counts[part] for counts in survey.classes.values()) for part in parts}
    titles = [TITLES[part] for part in parts] if survey.has_test else ["examples"]
    rows = [*survey.classes.items(), (f"{len(survey.classes)} classes", total)]
    width = _width([label for label, _ in rows], NAME)
    print(f"{'class':<{width}}" + "".join(f"{title:>12}" for title in titles))
    for label, counts in rows:
        print(padded(label, width) + "".join(f"{counts[part]:>12}" for part in parts))
    if not survey.has_test:
        print("no test set; hardmax train splits one off (see its --test option)")


def _print_table(survey: "TableSurvey") -> None:
    for message in (*survey.notices, *survey.warnings):
        notice(message)
    count = len(survey.columns) + (survey.label is not None)
    print(f"{survey.rows} row{'s' * (survey.rows != 1)}, {count} column{'s' * (count != 1)}")
    width = _width(survey.columns, COLUMN)
    print(f"{'column':<{width}}  {'kind':<12}{'missing':>9}{'distinct':>10}")
    for name, summary in survey.columns.items():
        _print_column(padded(name, width), summary)
    if survey.label is not None:
        print(f"classes in {cut(survey.label, NAME)}: {len(survey.classes)}")
        for label, count in survey.classes.items():
            print(f"{count:>8} {cut(label, WIDTH - 9)}")
        if survey.unlabeled:
            print(f"{survey.unlabeled:>8} rows without a class")
    _print_list("duplicate rows", _joined(survey.same))


def _print_column(name: str, summary: "ColumnSummary") -> None:
    """Print the row of a column, and in the same line what else there is to say if that fits."""
    if summary["kind"] is None:
        print_text(f"{name}  ({summary['why']})")
        return
    row = f"{name}  {summary['kind']:<12}{summary['missing']:>9}{summary['different']:>10}"
    if "lowest" in summary:
        row += f"  {summary['lowest']:g} to {summary['highest']:g}"
    if "why" in summary:
        row += f"  left out: {summary['why']}"
    if "alone" in summary:
        row += f"  alone classifies {summary['alone']} rows correctly"
    print_text(row)


def _width(names: Iterable[str], most: int) -> int:
    """Return how many columns the names in a table take: 6 for its title, or up to ``most``."""
    from rich.cells import cell_len

    return min(max([6, *(cell_len(plain(name)) for name in names)]), most)


def _joined(groups: Sequence[Sequence[str | int]]) -> list[str]:
    """Return each group of equal examples in words, of a large one the first few."""
    return [listed(map(str, group), " = ") for group in groups]


def _print_list(title: str, lines: Iterable[str], most: int = MAX_LINES) -> None:
    """Print a title with a count and the first lines below it; print nothing for an empty list."""
    lines = [*lines]
    if not lines:
        return
    print_text(f"{title}: {len(lines)}")
    for line in lines[:most]:
        print(plain(f"  {line}"))
    if len(lines) > most:
        print(f"  and {len(lines) - most} more (--json lists all)")
