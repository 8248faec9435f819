"""The parameters of the scikit-learn estimator, which are settings of a training."""

from collections.abc import Iterator
from dataclasses import field, make_dataclass
from typing import Any

from hardmax.data.options import ReadingOptions
from hardmax.fields import options_of
from hardmax.runs.settings import Settings

__all__ = ["EPOCHS", "MODEL", "OF_COLUMNS", "PARAMETERS", "Parameters"]

#: The settings for reading a data frame's columns.
OF_COLUMNS = {"column_kinds", "drop", "keep"}

#: The settings of a training that are parameters of the estimator; ``fit`` receives the data,
#: ``random_state`` is the seed, and ``class_weight`` has more values than class weights.
OTHERS = {"data", "patience", "class_weights", "from_run"}
PARAMETERS = {
    name: pair
    for name, pair in options_of(Settings).items()
    if name not in {*options_of(ReadingOptions), *OTHERS} - OF_COLUMNS
}

#: The number of epochs, unless the model has another or the data chooses it, and the model of
#: vectors and data frames: the only defaults that are not those of ``hardmax train``.
EPOCHS, MODEL = 20, "softmax-regression"


def _parameter_fields() -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the type and the field of each parameter of the estimator."""
    for name, (setting, _) in PARAMETERS.items():
        is_positional = name in ("model", "framework")
        default = None if name == "model" else setting.default
        yield name, setting.type, field(default=default, kw_only=not is_positional)
    for name in ("class_weight", "random_state"):
        yield name, Any, field(default=None, kw_only=True)


# scikit-learn takes the parameters of an estimator from the signature of its __init__.
Parameters: Any = make_dataclass("Parameters", _parameter_fields(), eq=False, repr=False)
