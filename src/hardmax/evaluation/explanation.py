"""The explanation of a network on a table: importance and dependence of columns, and slices."""

from dataclasses import asdict, dataclass

from hardmax.evaluation.importance import Importance
from hardmax.evaluation.slices import Slice
from hardmax.json_values import Json

__all__ = ["Dependence", "Explanation"]


@dataclass(frozen=True)
class Dependence:
    """The mean ``probabilities`` of the classes if all rows get a value of a ``column``.

    ``values`` are in words; ``probabilities`` has a list with one entry per class for each.
    """

    column: str
    values: list[str]
    probabilities: list[list[float]]


@dataclass(frozen=True)
class Explanation:
    """What a network makes of the columns of a table, on ``rows`` of its test rows.

    ``importances`` are those of all columns, the most important first, over ``repeats``
    permutations; ``dependences`` are those of the first ones. ``slices`` are of all test rows, the
    least likely by chance first.
    """

    classes: tuple[str, ...]
    rows: int
    repeats: int
    seed: int
    importances: list[Importance]
    dependences: list[Dependence]
    slices: list[Slice]

    @property
    def shown(self) -> list[tuple[int, str]]:
        """The numbers and names of the classes to show: of two, the second alone says it all."""
        every = [*enumerate(self.classes)]
        return every[1:] if len(every) == 2 else every

    def as_dict(self) -> dict[str, Json]:
        """Return the fields as JSON values."""
        return asdict(self)
