"""The training loop over epochs, with its callbacks and history."""

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
from hardmax.training.loaders import Loader, chunks

__all__ = ["Trainer"]


class Trainer(HyperParameters):
    """Fits a model to data; each backend adds the book's hooks for its framework.

    The book's arguments are ``max_epochs``, ``num_gpus`` and ``gradient_clip_val``, the maximum
    norm of all gradients together (0: no limit). hardmax adds:

    ``seed`` determines the order of the examples and the framework's random numbers during fit.
    ``device`` is ``"auto"``, ``"cpu"`` or the framework's name of a device. ``patience`` stops
    training once the validation loss has not improved for that many epochs, and restores the best
    weights. ``checkpoint`` is a file to save the weights to after every epoch. ``callbacks`` are
    called during fit. ``history`` has one record per epoch: the means over its examples, its
    duration in ``seconds`` and, not included in it, the ``compile_seconds`` that the framework
    spent compiling the model.

    Raises ArgumentError for invalid values.
    """

    # On the class, because a user may replace __init__ with the book's.
    num_gpus = 0
    gradient_clip_val: float = 0
    seed: int | None = None
    device: str | None = None
    patience: int | None = None
    checkpoint: str | os.PathLike | None = None
    callbacks: Sequence[Callback] = ()
    gpus: Sequence[Any] = ()
    history: Sequence[dict[str, Any]] = ()

    #: The name of the backend.
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
            warnings.warn(
                f"num_gpus={num_gpus}, but only {len(self.gpus)} GPUs are available", stacklevel=2
            )

    # Setup

    def find_device(self) -> Any:
        """Return the framework's device to run on. Raises ArgumentError if it is unavailable."""
        default = "cuda:0" if self.gpus else "cpu"
        return self.tensors.find_device(default if self.device is None else self.device)

    def prepare_data(self, data: Any) -> None:
        """Get the loaders of ``data``; set the seed and the device of hardmax's own."""
        self.train_dataloader = data.train_dataloader()
        self.val_dataloader = data.val_dataloader()
        self.num_train_batches = _batch_count(self.train_dataloader, "train_dataloader()")
        if self.num_train_batches == 0:
            raise ArgumentError("train_dataloader() must return at least one batch, got none")
        self.num_val_batches = _batch_count(self.val_dataloader, "val_dataloader()")
        if self.num_val_batches == 0:
            self.val_dataloader = None
        for loader in (self.train_dataloader, self.val_dataloader):
            if isinstance(loader, Loader):
                loader.seed, loader.epoch = self.seed, 0
                self.tensors.place(loader, self.run_device)

    def prepare_model(self, model: Any) -> None:
        """Move the model to the run's device and attach it to this trainer."""
        model.trainer = self
        model.board.xlim = [0, self.max_epochs]
        self.tensors.place(model, self.run_device)
        self.model = model

    # Fitting

    def fit(self, model: Any, data: Any) -> None:
        """Train ``model`` on ``data`` for at most ``max_epochs``.

        Raises DivergenceError if the training loss becomes NaN or infinite.
        """
        self.run_device = self.find_device()
        with self.tensors.seeded(self.seed, self.run_device):
            self.prepare_data(data)
            self.prepare_model(model)
            self.prepare_optimizer()
            self.run_epochs()

    def prepare_optimizer(self) -> None:
        """Get the optimizer from the model, once per fit."""
        self.optim = self.model.configure_optimizers()

    def run_epochs(self) -> None:
        """Run the epochs, calling the callbacks and recording the history."""
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
        """Return whether the engine supports the optimizer."""
        return True

    def fit_epoch(self) -> None:
        """Train and validate for one epoch; each backend defines the steps."""
        raise NotImplementedError

    def engine_epoch(self) -> None:
        """Run one epoch with the engine, chunk by chunk."""
        for chunk in chunks(self.train_dataloader, self.model.plot_train_per_epoch):
            steps = self.engine.train(self, chunk)
            self._record(steps, train=True)
            self._check_loss(self.totals[True].loss)
            for callback in self.callbacks:
                callback.on_chunk(self)
        if self.val_dataloader is not None:
            for chunk in chunks(self.val_dataloader, self.model.plot_valid_per_epoch):
                self._record(self.engine.evaluate(self, self.model, chunk), train=False)

    def _record(self, steps: Steps, train: bool) -> None:
        """Add the engine's results for a chunk to the totals, and plot them."""
        self.totals[train].add(steps)
        means = {"loss": steps.loss}
        if not train and steps.correct is not None:
            means["acc"] = steps.correct / steps.examples
        if is_step_hook(self.model.plot):
            self.model.plot_chunk(means, steps.examples, train)
            self._advance(train, len(steps.examples))
            return
        # An overridden plot is called once per batch, as on the step path.
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
        """Add a batch mean to its meter on the step path; return the size of the batch."""
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

    # Evaluation

    def evaluate(self, model: Any, data: Any) -> Evaluation:
        """Evaluate ``model`` on the validation set of ``data``, with the model's loss.

        Raises ArgumentError if ``data`` has no validation set.
        """
        loader = data.val_dataloader()
        if _batch_count(loader, "val_dataloader()") == 0:
            raise ArgumentError("nothing to evaluate: the data has no validation set")
        self.prepare_evaluation(model, loader)
        totals = Totals()
        totals.add(self.engine.evaluate(self, model, loader))
        return Evaluation.of(totals)

    def scores(self, model: Any, loader: Any) -> Any:
        """Return the scores of a loader's examples, in order.

        A float32 NumPy array of shape (examples, classes).
        """
        self.prepare_evaluation(model, loader)
        return self.engine.scores(self, model, loader)

    def prepare_evaluation(self, model: Any, loader: Any) -> None:
        """Move a model and the batches to evaluate it on to the run's device."""
        self.run_device = self.find_device()
        self.tensors.place(model, self.run_device)
        if isinstance(loader, Loader):
            self.tensors.place(loader, self.run_device)

    # Weights

    def get_weights(self, model: Any) -> dict[str, Any]:
        """Return copies of the model's weights as named NumPy arrays."""
        raise NotImplementedError

    def set_weights(self, model: Any, weights: dict[str, Any]) -> None:
        """Set the model's weights, named as ``get_weights`` returns them.

        Raises RunError if their names or shapes do not fit the model.
        """
        raise NotImplementedError

    def load_checkpoint(self, model: Any, path: str | os.PathLike) -> dict[str, Any]:
        """Load the weights of a checkpoint file into the model; return the file's header.

        Raises RunError if the file is missing or damaged, or does not fit the model: the weights
        of a custom model have native names and load only in the same framework.
        """
        weights, header = checkpoints.load(path)
        origin = header.get("framework", self.framework)
        if origin != self.framework:
            raise RunError(
                f"{path} has the weights of a custom model in {origin}, under native names; "
                f"load it with hardmax.{origin}, not with hardmax.{self.framework}"
            )
        self.set_weights(model, weights)
        return header


def _batch_count(loader: Any, name: str) -> int:
    """Return the number of batches per epoch, 0 for None. Raises ArgumentError if unknown."""
    if loader is None:
        return 0
    try:
        return len(loader)
    except TypeError:
        raise ArgumentError(
            f"{name} must return batches with a length that can be iterated again, got "
            f"{type(loader).__name__}; use get_tensorloader() or a list"
        ) from None
