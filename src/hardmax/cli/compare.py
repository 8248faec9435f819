"""``hardmax compare``: compare two runs on the same test set."""

import shlex
from typing import Annotated

import typer

from hardmax.cli.lines import cut, print_text
from hardmax.cli.options import Json, RunFolder, print_json
from hardmax.errors import ArgumentError

__all__ = ["compare"]

#: The most classes listed for the examples that only one run classifies correctly.
MAX_CLASSES = 5

#: The most columns of the name of a class.
NAME = 40


def compare(
    first: RunFolder,
    second: Annotated[
        str | None, typer.Argument(metavar="RUN", help="The run folder to compare it with.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two runs on their test set and test whether the difference is significant."""
    from hardmax.runs.evaluate import compare as compare_runs

    if second is None:
        # As a required argument, its error would not say which of the two is missing.
        raise ArgumentError(
            "a second run is needed to compare with; use hardmax compare "
            f"{shlex.quote(first)} OTHER_RUN"
        )
    comparison = compare_runs(first, second)
    if as_json:
        print_json(comparison.as_dict())
        return
    pair = comparison.pair
    print(f"{'':<10}{'first':>10}{'second':>10}{'difference':>12}  95 % interval")
    for name, (one, other) in (("accuracy", pair.accuracy), ("loss", pair.loss)):
        low, high = pair.intervals[name]
        figures = f"{one:>10.4f}{other:>10.4f}{one - other:>12.4f}"
        print(f"{name:<10}{figures}  {low:.4f} to {high:.4f}")
    print(f"of {pair.count} examples, both are correct on {pair.both}, neither on {pair.neither}")
    for name, examples, classes in zip(
        ("first", "second"), pair.only, comparison.only_by_class, strict=True
    ):
        shown = [*classes.items()][:MAX_CLASSES]
        listed = ", ".join(f"{cut(label, NAME)} {count}" for label, count in shown)
        more = ", ..." if len(classes) > MAX_CLASSES else ""
        details = f" ({listed}{more})" if examples else ""
        print_text(f"only the {name} on {len(examples)}{details}")
    print(f"McNemar's test: p = {pair.p:.3g}")
    one, other = comparison.temperatures
    if one != other:
        print(f"the losses use temperatures {one:.4f} and {other:.4f} (1 means not calibrated)")
