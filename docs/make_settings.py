"""Writes ``settings.md``, the reference page of the settings, from the fields of ``Settings``."""

from dataclasses import MISSING
from pathlib import Path

from hardmax.fields import allowed_values, flag, options_of
from hardmax.runs.settings import Settings
from hardmax.sklearn import PARAMETERS

PAGE = Path(__file__).with_name("settings.md")

HEAD = """# Settings

The settings of a training are the options of [`hardmax train`](command-line.md) and
[`hardmax parity`](parity.md). In Python they are arguments of [`load_data` and `auto`](python.md),
with names such as `batch_size` for `--batch-size`; only `--as` is `column_kinds`, and `--from` is
`from_run`. The column *estimator* has the names of those that are also parameters of the
[scikit-learn estimator](scikit-learn.md). A run folder has all settings in its `run.json`. `make
settings` writes this page from the code.

<div class="settings" markdown>

| option | estimator | value | default | meaning |
|---|---|---|---|---|
"""


def row(name: str) -> str:
    """Return the row of a setting."""
    field, option = options_of(Settings)[name]
    argument = "`DATA`" if field.default is MISSING else f"`{flag(name, option)}`"
    parameter = f"`{name}`" if name in PARAMETERS else ""
    has_default = field.default not in (None, MISSING)
    default = f"`{field.default}`" if has_default else option.unset
    cells = (argument, parameter, allowed_values(field.type, option), default, option.help)
    return f"| {' | '.join(cells)} |\n"


def page() -> str:
    """Return the page."""
    return HEAD + "".join(map(row, options_of(Settings))) + "\n</div>\n"


if __name__ == "__main__":
    PAGE.write_text(page())
