"""The settings of a training."""

from dataclasses import dataclass, fields
from typing import Any

from hardmax import frameworks
from hardmax.checks import check_fraction, check_seed, check_whole
from hardmax.data.options import Reading
from hardmax.errors import ArgumentError
from hardmax.networks import catalog
from hardmax.networks.initializers import check_initializer
from hardmax.training.recipes import Recipe

__all__ = ["Settings"]

#: Default batch sizes aim at this many steps per epoch; with few steps a network hardly learns.
STEPS, SMALLEST_BATCH, LARGEST_BATCH = 64, 16, 256


@dataclass(frozen=True)
class Settings:
    """The settings of a training. Raises ArgumentError for invalid values.

    ``batch_size`` None chooses one by the size of the data; ``hidden``, ``activation`` and
    ``dropout`` are for networks that take them; ``init`` is one of ``initializers.INITIALIZERS``,
    None chooses the default of the network; ``clip`` limits the global gradient norm, 0 means no
    limit; ``balanced`` gives all classes the same share of an epoch. ``lr`` to ``warmup`` are those
    of a ``Recipe``, ``test`` to ``label`` those of a ``Reading``.
    """

    data: str
    model: str = "softmax-regression"
    hidden: tuple[int, ...] | None = None
    activation: str | None = None
    dropout: float | None = None
    init: str | None = None
    framework: str = "torch"
    epochs: int = 10
    batch_size: int | None = None
    lr: float | None = None
    optimizer: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup: float = 0.0
    clip: float = 0.0
    seed: int = 0
    device: str = "auto"
    validation: float | None = None
    patience: int | None = None
    balanced: bool = False
    test: float | str | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    skip_bad: bool = False
    label: str | None = None

    def __post_init__(self) -> None:
        check_whole("epochs", self.epochs, 1)
        if self.batch_size is not None:
            check_whole("batch size", self.batch_size, 1)
        check_seed(self.seed)
        _ = self.reading  # validates its own fields
        if not self.clip >= 0:
            raise ArgumentError(f"clip must be a gradient norm of 0 or more, got {self.clip}")
        if self.validation is not None:
            check_fraction("validation", self.validation)
        if self.patience is not None:
            check_whole("patience", self.patience, 1)
            if self.validation is None:
                raise ArgumentError(
                    "early stopping (patience) must not use the test set; add "
                    "--validation FRACTION to split off a validation set"
                )
        catalog.check_name(self.model)
        catalog.check_options(self.model, self.options)
        check_initializer(self.initializer)
        object.__setattr__(self, "lr", self.recipe.lr)
        frameworks.check(self.framework)

    def batch(self, count: int) -> int:
        """Return the batch size for a training set of ``count`` examples.

        The default is LARGEST_BATCH or, so that an epoch has STEPS steps, a smaller power of two.
        """
        if self.batch_size is not None:
            return self.batch_size
        size = 2 ** max(count // STEPS, 1).bit_length() // 2
        return min(max(size, SMALLEST_BATCH), LARGEST_BATCH)

    @property
    def reading(self) -> Reading:
        """The options for reading the data."""
        return Reading(
            *(self.size, self.channels, self.skip_bad, self.test, self.seed),
            label=self.label,
            validation=self.validation,
        )

    @property
    def recipe(self) -> Recipe:
        """The optimizer and its learning rate schedule."""
        return Recipe(**{field.name: getattr(self, field.name) for field in fields(Recipe)})

    @property
    def initializer(self) -> str:
        """The name of the initializer."""
        return self.init or catalog.NETWORKS[self.model].init

    @property
    def options(self) -> dict[str, Any]:
        """The options of the network."""
        names = ("hidden", "activation", "dropout")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}
