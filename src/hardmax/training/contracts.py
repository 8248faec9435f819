"""Protocols: what the parts of training know of each other, and of a backend's modules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from hardmax.evaluation.totals import Meter, Steps
from hardmax.plotting.board import ProgressBoard
from hardmax.processes.group import Group

__all__ = [
    "Batches",
    "DataModule",
    "Engine",
    "EpochRecord",
    "Exporter",
    "Layers",
    "Model",
    "Movable",
    "Plan",
    "Processes",
    "Resuming",
    "Runtime",
    "Trainer",
]

T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)
Device = TypeVar("Device")
DeviceT_contra = TypeVar("DeviceT_contra", contravariant=True)
ModelT_contra = TypeVar("ModelT_contra", contravariant=True)
TrainerT_contra = TypeVar("TrainerT_contra", contravariant=True)


#: The history of an epoch: its number, its means over the examples, its seconds.
EpochRecord: TypeAlias = dict[str, float | None]


class Movable(Protocol[DeviceT_contra]):
    """What can be moved to a device."""

    def to(self, device: DeviceT_contra) -> object:
        """Move to a device."""


class Batches(Protocol[T_co]):
    """The batches of an epoch: sequences of tensors (inputs..., labels)."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sequence[T_co]]: ...


class DataModule(Protocol[T_co]):
    """Training and validation batches, either of which may be missing."""

    def train_dataloader(self) -> Batches[T_co] | None:
        """Return the training batches."""

    def val_dataloader(self) -> Batches[T_co] | None:
        """Return the validation batches."""


class Model(Protocol):
    """A model, as the shared parts of training see it."""

    board: ProgressBoard
    trainer: Any
    plot_train_per_epoch: int
    plot_valid_per_epoch: int

    def plot(self, key: str, value: Any, train: bool) -> None:
        """Plot the mean of a batch."""

    def plot_chunk(
        self, means: Mapping[str, np.ndarray], examples: np.ndarray, train: bool
    ) -> None:
        """Plot a chunk of batches as ``plot`` would; the next refresh of the board shows it."""

    def configure_optimizers(self) -> object:
        """Return the framework's optimizer."""

    @property
    def validation_step(self) -> Callable[..., object]:
        """The step of the step path that plots the means of a batch."""


class Trainer(Protocol):
    """The trainer, as callbacks see it.

    ``epoch`` starts at 0; ``train_batch_idx`` counts the batches since the start of the fit.
    ``meters`` are those of the epoch on the step path, by the labels of ``Module.plot``. A callback
    stops the fit by setting ``should_stop``.
    """

    framework: str
    model: Any
    max_epochs: int
    epoch: int
    train_batch_idx: int
    num_train_batches: int
    should_stop: bool
    history: Sequence[EpochRecord]
    meters: dict[str, Meter]

    def get_weights(self, model: Any) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""

    def set_weights(self, model: Any, weights: Mapping[str, np.ndarray]) -> None:
        """Set the model's weights, named as ``get_weights`` returns them."""


class Plan(Protocol):
    """How a trainer and a model that ``auto`` returned are to train; see ``runs/plan.py``."""

    model: Any

    def own(self, data: object) -> Any:
        """Return the data that the model is trained and tested on, if ``data`` is what it is for.

        Raises ArgumentError otherwise.
        """

    def fit(self, trainer: Any) -> tuple[Mapping[str, np.ndarray], Sequence[EpochRecord]]:
        """Train, with the callbacks of a trainer; return the weights of the model and the history.

        Raises ArgumentError if the arguments of the trainer are no longer those of the plan, and
        DivergenceError.
        """

    def save(self, trainer: Any, folder: str, *, baselines: bool) -> Path:
        """Write the run folder of the last fit; return its path. Raises like ``Trainer.save``."""


class Engine(Protocol[TrainerT_contra, ModelT_contra, T_contra]):
    """A backend's ``engine.py``: runs a chunk of batches, and waits for the device once."""

    def train(self, trainer: TrainerT_contra, chunk: Iterable[Sequence[T_contra]]) -> Steps:
        """Take an optimizer step on every batch of a chunk, and return the steps."""

    def evaluate(
        self, trainer: TrainerT_contra, model: ModelT_contra, chunk: Iterable[Sequence[T_contra]]
    ) -> Steps:
        """Evaluate a model on a chunk of batches, and return the steps."""

    def scores(
        self, trainer: TrainerT_contra, model: ModelT_contra, loader: Iterable[Sequence[T_contra]]
    ) -> np.ndarray:
        """Return a model's outputs in evaluation mode, float32 of shape (examples, classes)."""

    def feature_gradients(
        self,
        trainer: TrainerT_contra,
        body: ModelT_contra,
        head: ModelT_contra,
        batch: Sequence[T_contra],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the feature maps of a batch of images, and the gradients of scores by them.

        ``body`` computes the feature maps, ``head`` scores from them, both in evaluation mode; the
        score of each image is that of its label. Both arrays are float32 (examples, rows, columns,
        channels).
        """


class Runtime(Protocol[ModelT_contra, Device]):
    """A backend's ``runtime.py``: devices, modes, scalars and random seeds."""

    def gpu(self, i: int, /) -> object:
        """Return GPU number ``i``, in the book's form."""

    def num_gpus(self) -> int:
        """Return the number of GPUs."""

    def find_device(self, name: str) -> Device:
        """Return the device for a name. Raises ArgumentError if there is none."""

    def has_fast_bfloat16(self, device: Device) -> bool:
        """Return whether convolutions are trained faster in bfloat16 on a device."""

    def place(self, target: ModelT_contra | Movable[Device], device: Device) -> None:
        """Move a model or a loader to a device."""

    def set_training(self, model: ModelT_contra, training: bool) -> None:
        """Put a model in training or in evaluation mode."""

    def scalars(self, values: np.ndarray) -> Sequence[object]:
        """Return the elements of a NumPy array of shape (n,) as the framework's scalars."""

    def seeded(self, seed: int | None, device: Device) -> AbstractContextManager[None]:
        """Seed the framework's random numbers in a block; None leaves them alone."""


class Layers(Protocol[ModelT_contra]):
    """A backend's ``layers.py``, as the trainer sees it."""

    def get_weights(self, model: ModelT_contra) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""

    def set_weights(self, model: ModelT_contra, weights: Mapping[str, np.ndarray]) -> None:
        """Set the model's weights. Raises RunError if they do not fit."""

    def scale_dropout(self, model: ModelT_contra, factor: float) -> None:
        """Multiply the probabilities of a network's scheduled Dropout layers by a factor."""


class Resuming(Protocol[TrainerT_contra]):
    """A backend's ``resuming.py``: what a fit needs to go on, beyond the weights of its model.

    The state of a fit is saved after a multiple of ``STEP`` batches of an epoch.
    """

    STEP: int

    def state_of(self, trainer: TrainerT_contra) -> dict[str, Any]:
        """Return the state of the optimizer and of the random numbers, as ``states.State``.

        Raises ArgumentError if the optimizer does not tell its state.
        """

    def restore(self, trainer: TrainerT_contra, state: Mapping[str, Any]) -> None:
        """Set the state that ``state_of`` returned, once the model has its weights.

        Raises RunError if it does not fit the optimizer.
        """


class Processes(Protocol[TrainerT_contra]):
    """A backend's ``processes.py``: training in several processes that are started together.

    ``SHARES`` is whether each process computes with its own share of each batch, and the trainer
    sums their results; otherwise the framework divides the batches, which all processes give it.
    """

    SHARES: bool

    def join(self) -> Group:
        """Join the other processes, if there are any, at the first call; return their group.

        Raises ArgumentError if that is impossible, or if the framework trains in one process.
        """

    def synchronize(self, trainer: TrainerT_contra) -> None:
        """Give all processes the weights of the first, and random numbers of their own.

        Called once per fit of several processes, when the optimizer is made.
        """


class Exporter(Protocol[ModelT_contra, T_contra]):
    """A backend's ``export.py``: networks in the framework's own format.

    By default SUFFIX ends the name of an exported network, which is a folder if ``IS_FOLDER``.
    """

    SUFFIX: str
    IS_FOLDER: bool

    def save(self, model: ModelT_contra, shape: tuple[int, ...], path: Path, metadata: str) -> None:
        """Save a model that is built from an architecture, for evaluation without hardmax.

        It takes batches of any number of examples of ``shape``, as the backend's loaders return
        them, and returns float32 scores (examples, classes). ``path`` is an empty file or folder;
        ``metadata``, JSON, is kept if the format has room. Raises OSError if it cannot be written,
        and ExportError if a package is missing or the framework is MXNet.
        """

    def load(self, path: Path) -> Callable[[T_contra], np.ndarray]:
        """Return the function that ``save`` wrote: from a batch to scores as a NumPy array."""
