"""The one loop over epochs and its few host events."""

import contextlib
import math
import os
import time
import warnings
from collections.abc import Sequence
from typing import Any

from hardmax.checks import check_seed, check_whole
from hardmax.errors import ArgumentError, DivergenceError, RunError
from hardmax.evaluation.metrics import Evaluation
from hardmax.evaluation.totals import Meter, Steps, Totals
from hardmax.hyperparameters import HyperParameters
from hardmax.training import checkpoint as checkpoints
from hardmax.training.callbacks import Callback, EarlyStopping, SaveCheckpoint
from hardmax.training.dispatch import is_step_hook, takes_engine
from hardmax.training.loaders import Loader, stretches

__all__ = ["Trainer"]


class Trainer(HyperParameters):
    """Fits a model to data; a sibling adds the book's hooks in its framework.

    The book's arguments are ``max_epochs``, ``num_gpus`` and ``gradient_clip_val``, the largest
    norm of all gradients together (0: no limit). Beyond them:

    ``seed`` makes the order of the examples and the framework's random numbers during fit a
    function of itself. ``device`` is ``"auto"``, ``"cpu"`` or the framework's own name of one.
    ``patience`` stops once the validation loss has not fallen for so many epochs, and puts the
    best weights back. ``checkpoint`` is a file that gets the weights after every epoch.
    ``callbacks`` are told of the host events. ``history`` has one record an epoch: the means over
    its examples, the ``seconds`` that it took, and apart from those the ``compile_seconds`` that
    the framework spent on translating the model.

    Raises ArgumentError for values that make no sense.
    """

    # On the class, because a reader may replace __init__ by the book's own.
    num_gpus = 0
    gradient_clip_val: float = 0
    seed: int | None = None
    device: str | None = None
    patience: int | None = None
    checkpoint: str | os.PathLike | None = None
    callbacks: Sequence[Callback] = ()
    gpus: Sequence[Any] = ()
    history: Sequence[dict[str, Any]] = ()

    #: The name of the sibling.
    framework: str

    max_epochs: int
    engine: Any
    tensors: Any
    model: Any
    train_dataloader: Any
    val_dataloader: Any
    epoch = 0
    train_batch_idx = 0
    val_batch_idx = 0
    examples = 1
    run_device: Any = None
    compile_seconds = 0.0
    uses_engine = False
    should_stop = False

    def __init__(
        self,
        max_epochs: int,
        num_gpus: int = 0,
        gradient_clip_val: float = 0,
        *,
        seed: int | None = None,
        device: str | None = None,
        patience: int | None = None,
        checkpoint: str | os.PathLike | None = None,
        callbacks: Sequence[Callback] = (),
    ):
        self.save_hyperparameters()
        check_whole("max_epochs", max_epochs, 1)
        if patience is not None:
            check_whole("patience", patience, 1)
        if seed is not None:
            check_seed(seed)
        if not gradient_clip_val >= 0:
            raise ArgumentError(f"gradient_clip_val must be 0 or more, got {gradient_clip_val!r}")
        self.gpus = [self.tensors.gpu(i) for i in range(min(num_gpus, self.tensors.num_gpus()))]
        if len(self.gpus) < num_gpus:
            found = len(self.gpus) or "none"
            warnings.warn(f"{num_gpus} GPUs were asked for, {found} found", stacklevel=2)

    # Preparing

    def find_device(self) -> Any:
        """Return the device to run on, as the framework has it.

        Raises ArgumentError where it is not there.
        """
        default = "cuda:0" if self.gpus else "cpu"
        return self.tensors.find_device(default if self.device is None else self.device)

    def prepare_data(self, data: Any) -> None:
        """Take the loaders of ``data``, ours on the run's device and in its order."""
        self.train_dataloader = data.train_dataloader()
        self.val_dataloader = data.val_dataloader()
        self.num_train_batches = _batch_count(self.train_dataloader, "train_dataloader()")
        if self.num_train_batches == 0:
            raise ArgumentError("train_dataloader() gives no batches")
        self.num_val_batches = _batch_count(self.val_dataloader, "val_dataloader()")
        if self.num_val_batches == 0:
            self.val_dataloader = None
        for loader in (self.train_dataloader, self.val_dataloader):
            if isinstance(loader, Loader):
                loader.seed, loader.epoch = self.seed, 0
                self.tensors.place(loader, self.run_device)

    def prepare_model(self, model: Any) -> None:
        """Put the model on the run's device and make it known to this trainer."""
        model.trainer = self
        model.board.xlim = [0, self.max_epochs]
        self.tensors.place(model, self.run_device)
        self.model = model

    # Fitting

    def fit(self, model: Any, data: Any) -> None:
        """Train ``model`` on ``data`` for at most ``max_epochs``.

        Raises DivergenceError where the training loss becomes NaN or infinite.
        """
        self.run_device = self.find_device()
        with self.tensors.seeded(self.seed, self.run_device):
            self.prepare_data(data)
            self.prepare_model(model)
            self.prepare_optimizer()
            self.run_epochs()

    def prepare_optimizer(self) -> None:
        """Ask the model for its optimizer, once a fit."""
        self.optim = self.model.configure_optimizers()

    def run_epochs(self) -> None:
        """Run the epochs, telling the callbacks and keeping the history."""
        self.epoch = self.train_batch_idx = self.val_batch_idx = 0
        self.history = history = []
        self.should_stop = False
        self.uses_engine = takes_engine(self, self.model) and self.engine_suits()
        callbacks = [*self.callbacks]
        if self.checkpoint is not None:
            callbacks.append(SaveCheckpoint(self.checkpoint))
        if self.patience is not None:
            callbacks.append(EarlyStopping(self.patience))
        for callback in callbacks:
            callback.on_fit_start(self)
        with contextlib.closing(self.model.board):
            for epoch in range(self.max_epochs):
                self.epoch = epoch
                record = self.run_epoch()
                history.append(record)
                for callback in callbacks:
                    callback.on_epoch(self, record)
                if self.should_stop:
                    break
        for callback in callbacks:
            callback.on_fit_end(self)

    def run_epoch(self) -> dict[str, Any]:
        """Run one epoch and return its record."""
        self.meters: dict[str, Meter] = {}
        self.totals = {True: Totals(), False: Totals()}
        self.compile_seconds = 0.0
        start = time.perf_counter()
        self.fit_epoch()
        seconds = time.perf_counter() - start - self.compile_seconds
        record: dict[str, Any] = {"epoch": self.epoch + 1}
        for part, train in (("train", True), ("val", False)):
            if self.uses_engine:
                loss, accuracy = self.totals[train].loss, self.totals[train].accuracy
            else:
                loss, accuracy = self._metered(f"{part}_loss"), self._metered(f"{part}_acc")
            record |= {f"{part}_loss": loss, f"{part}_accuracy": accuracy}
        self._check_loss(record["train_loss"])
        return record | {"seconds": seconds, "compile_seconds": self.compile_seconds}

    def engine_suits(self) -> bool:
        """Tell whether the engine can do what the optimizer asks for."""
        return True

    def fit_epoch(self) -> None:
        """Train for an epoch and validate; each sibling says how, step by step."""
        raise NotImplementedError

    def engine_epoch(self) -> None:
        """Run an epoch by the engine, stretch by stretch."""
        for stretch in stretches(self.train_dataloader, self.model.plot_train_per_epoch):
            steps = self.engine.train(self, stretch)
            self._take_in(steps, train=True)
            self._check_loss(self.totals[True].loss)
            for callback in self.callbacks:
                callback.on_stretch(self)
        if self.val_dataloader is not None:
            for stretch in stretches(self.val_dataloader, self.model.plot_valid_per_epoch):
                self._take_in(self.engine.evaluate(self, self.model, stretch), train=False)

    def _take_in(self, steps: Steps, train: bool) -> None:
        """Add the engine's steps of a stretch to the totals, and plot them."""
        self.totals[train].add(steps)
        means = {"loss": steps.loss}
        if not train and steps.correct is not None:
            means["acc"] = steps.correct / steps.examples
        if is_step_hook(self.model.plot):
            self.model.plot_stretch(means, steps.examples, train)
            self._advance(train, len(steps.examples))
            return
        # A plot that somebody else wrote is called as the steps would have called it.
        curves = {key: self.tensors.scalars(values) for key, values in means.items()}
        for i, self.examples in enumerate(steps.examples.tolist()):
            for key, values in curves.items():
                self.model.plot(key, values[i], train=train)
            self._advance(train, 1)

    def _advance(self, train: bool, batches: int) -> None:
        if train:
            self.train_batch_idx += batches
        else:
            self.val_batch_idx += batches

    def observe(self, label: str, value: Any) -> int:
        """Meter a batch mean where no engine does; return how many examples it is of."""
        if not self.uses_engine:
            self.meters.setdefault(label, Meter()).add(value * self.examples, self.examples)
        return self.examples

    def _metered(self, label: str) -> float | None:
        return self.meters[label].mean() if label in self.meters else None

    def _check_loss(self, loss: float | None) -> None:
        if loss is not None and not math.isfinite(loss):
            raise DivergenceError(
                f"the training loss became {loss} in epoch {self.epoch + 1}; "
                "try a smaller learning rate, or gradient_clip_val=1"
            )

    # Judging

    def evaluate(self, model: Any, data: Any) -> Evaluation:
        """Return how ``model`` does on the validation part of ``data``, by its own loss.

        Raises ArgumentError where ``data`` has no validation part.
        """
        loader = data.val_dataloader()
        if _batch_count(loader, "val_dataloader()") == 0:
            raise ArgumentError("nothing to evaluate: the data has no validation part")
        self.prepare_judging(model, loader)
        totals = Totals()
        totals.add(self.engine.evaluate(self, model, loader))
        return Evaluation.of(totals)

    def scores(self, model: Any, loader: Any) -> Any:
        """Return the scores of a loader's examples, in their order.

        A float32 NumPy array of shape (examples, classes).
        """
        self.prepare_judging(model, loader)
        return self.engine.scores(self, model, loader)

    def prepare_judging(self, model: Any, loader: Any) -> None:
        """Put a model and the batches to judge it on onto the run's device."""
        self.run_device = self.find_device()
        self.tensors.place(model, self.run_device)
        if isinstance(loader, Loader):
            self.tensors.place(loader, self.run_device)

    # Weights

    def get_weights(self, model: Any) -> dict[str, Any]:
        """Return copies of the model's weights as named NumPy arrays."""
        raise NotImplementedError

    def set_weights(self, model: Any, weights: dict[str, Any]) -> None:
        """Give the model such weights. Raises RunError where they do not fit."""
        raise NotImplementedError

    def load_checkpoint(self, model: Any, path: str | os.PathLike) -> dict[str, Any]:
        """Give the model the weights of a checkpoint file; return the file's header.

        Raises RunError where the file is missing or damaged, or does not fit the model: a model of
        the reader's own is kept under names that its own framework alone knows.
        """
        weights, header = checkpoints.load(path)
        origin = header.get("framework", self.framework)
        if origin != self.framework:
            raise RunError(
                f"{path} has the weights of a model of one's own in {origin}, under the names that "
                f"it has there; load it with hardmax.{origin}, not with hardmax.{self.framework}"
            )
        self.set_weights(model, weights)
        return header


def _batch_count(loader: Any, name: str) -> int:
    """Return the number of batches in an epoch; 0 of None. Raises ArgumentError if unknown."""
    if loader is None:
        return 0
    try:
        return len(loader)
    except TypeError:
        raise ArgumentError(
            f"{name} must give batches that can be counted and gone through again, got "
            f"{type(loader).__name__}; make it with get_tensorloader(), or make it a list"
        ) from None
