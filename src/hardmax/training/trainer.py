"""The training loop over epochs, with its callbacks and history."""

import contextlib
import math
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hardmax.checks import check_seed, check_whole
from hardmax.errors import ArgumentError
from hardmax.evaluation.totals import Meter, Steps, Totals
from hardmax.networks.layouts import Portable
from hardmax.plotting import drawers
from hardmax.plotting.progress import Progress
from hardmax.training.callbacks import Callback, EarlyStopping, EpochLog, SaveCheckpoint
from hardmax.training.contracts import Batches, DataModule, EpochRecord
from hardmax.training.dispatch import is_step_hook, step_hook, takes_engine
from hardmax.training.divergence import check_loss
from hardmax.training.evaluator import ModelT, Tensor
from hardmax.training.loaders import Loader, batch_count, chunks
from hardmax.training.own_data import check_weights
from hardmax.training.planned import Planned
from hardmax.training.schedules import flat_cosine

__all__ = ["Trainer"]


class Trainer(Planned[ModelT, Tensor]):
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
    patience: int | None = None
    checkpoint: str | os.PathLike[str] | None = None
    callbacks: Sequence[Callback] = ()

    max_epochs: int
    optim: object
    train_dataloader: Batches[Tensor]
    val_dataloader: Batches[Tensor] | None
    epoch = 0
    train_batch_idx = 0
    val_batch_idx = 0
    examples = 1
    uses_engine = False
    should_stop = False
    #: Whether a further fit continues with the optimizer of the last one. Its learning rates are
    #: then constant, as nobody knows how many steps it will take.
    is_incremental = False

    def __init__(
        self,
        max_epochs: int,
        num_gpus: int = 0,
        gradient_clip_val: float = 0,
        *,
        seed: int | None = None,
        device: str | None = None,
        patience: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
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
        self.gpus = [self.runtime.gpu(i) for i in range(min(num_gpus, self.runtime.num_gpus()))]
        if len(self.gpus) < num_gpus:
            warnings.warn(
                f"num_gpus={num_gpus}, but only {len(self.gpus)} GPUs are available", stacklevel=2
            )

    # Setup

    def prepare_data(self, data: DataModule[Tensor]) -> None:
        """Get the loaders of ``data``; set the seed and the device of hardmax's own."""
        train, self.val_dataloader = data.train_dataloader(), data.val_dataloader()
        self.num_train_batches = batch_count(train, "train_dataloader()")
        if train is None or self.num_train_batches == 0:
            raise ArgumentError("train_dataloader() must return at least one batch, got none")
        self.train_dataloader = train
        self.num_val_batches = batch_count(self.val_dataloader, "val_dataloader()")
        if self.num_val_batches == 0:
            self.val_dataloader = None
        for loader in (self.train_dataloader, self.val_dataloader):
            if isinstance(loader, Loader):
                loader.seed, loader.epoch = self.seed, 0
                self.runtime.place(loader, self.run_device)

    def prepare_model(self, model: ModelT) -> None:
        """Move the model to the run's device and attach it to this trainer."""
        model.trainer = self
        model.board.xlim = [0, model.board.epochs + self.max_epochs]
        self.runtime.place(model, self.run_device)
        self.model = model

    # Fitting

    def fit(self, model: ModelT, data: DataModule[Tensor]) -> None:
        """Train ``model`` on ``data`` for at most ``max_epochs``.

        A model that ``auto`` returned together with this trainer is trained as ``hardmax train``
        does. Raises DivergenceError if the training loss becomes NaN or infinite, or grows beyond
        2^24 times that of the first batch; ArgumentError if the labels do not fit the model's
        scores.
        """
        if self.plan is not None and model is self.plan.model:
            self.fit_as_planned(self.plan, data)
            return
        check_weights(model, data)
        self.run_device = self.find_device()
        with self.runtime.seeded(self.seed, self.run_device):
            self.prepare_data(data)
            self.prepare_model(model)
            if not self.continues:
                self.prepare_optimizer()
            self.run_epochs()

    @property
    def continues(self) -> bool:
        """Whether a fit continues with the optimizer of the last one."""
        return self.is_incremental and hasattr(self, "optim")

    def prepare_optimizer(self) -> None:
        """Get the optimizer from the model, once per fit."""
        self.optim = self.model.configure_optimizers()

    def run_epochs(self) -> None:
        """Run the epochs, calling the callbacks and recording the history."""
        self.epoch = self.train_batch_idx = self.val_batch_idx = 0
        history: list[EpochRecord] = []
        self.history = history
        self.should_stop = False
        self.first_loss: float | None = None
        self.warned = False
        self.uses_engine = takes_engine(self, self.model) and self.engine_suits()
        callbacks = [*self.callbacks]
        if self.model.board.display and not drawers.has_screen():
            callbacks.insert(0, EpochLog())
        if self.checkpoint is not None:
            callbacks.append(SaveCheckpoint(self.checkpoint))
        if self.patience is not None:
            callbacks.append(EarlyStopping(self.patience))
        for callback in callbacks:
            callback.on_fit_start(self)
        self.model.board.progress = Progress(self)
        with contextlib.closing(self.model.board), self._counted():
            for epoch in range(self.max_epochs):
                self.epoch = epoch
                self._schedule_dropout()
                record = self.run_epoch()
                history.append(record)
                for callback in callbacks:
                    callback.on_epoch(self, record)
                if self.should_stop:
                    break
        for callback in callbacks:
            callback.on_fit_end(self)

    def _schedule_dropout(self) -> None:
        """Set the probabilities of a network's scheduled Dropout layers for an epoch."""
        model: object = self.model  # its type does not say whether it is from an architecture
        if isinstance(model, Portable):
            progress = (self.epoch + 0.5) / self.max_epochs
            self.layers.scale_dropout(self.model, float(flat_cosine(progress)))

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        """Let the next fit continue the curves of a block, also if it is interrupted."""
        try:
            yield
        finally:
            self.model.board.epochs += self.epoch + 1

    def run_epoch(self) -> EpochRecord:
        """Run one epoch and return its record."""
        self.meters: dict[str, Meter] = {}
        self.totals = {True: Totals(), False: Totals()}
        self.compile_seconds = 0.0
        start = time.perf_counter()
        self.fit_epoch()
        seconds = time.perf_counter() - start - self.compile_seconds
        record: EpochRecord = {"epoch": self.epoch + 1}
        for part, train in (("train", True), ("val", False)):
            if self.uses_engine:
                loss, accuracy = self.totals[train].loss, self.totals[train].accuracy
            else:
                loss, accuracy = self._metered(f"{part}_loss"), self._metered(f"{part}_acc")
            record |= {f"{part}_loss": loss, f"{part}_accuracy": accuracy}
        self._check_loss(record["train_loss"])
        self._check_validation(record["val_loss"])
        return record | {"seconds": seconds, "compile_seconds": self.compile_seconds}

    def engine_suits(self) -> bool:
        """Return whether the engine supports the optimizer."""
        return True

    @step_hook
    def fit_epoch(self) -> None:
        """Train for an epoch and validate, on the fast path or step by step through the hooks."""
        for chunk in self._chunks(self.train_dataloader, self.model.plot_train_per_epoch):
            if self.uses_engine:
                self._record(self.engine.train(self, chunk), train=True)
                self._check_loss(self.totals[True].loss)
            else:
                self._step_through(chunk, train=True)
            self.model.board.refresh()
            for callback in self.callbacks:
                callback.on_chunk(self)
        if self.val_dataloader is None:
            return
        for chunk in self._chunks(self.val_dataloader, self.model.plot_valid_per_epoch):
            if self.uses_engine:
                self._record(self.engine.evaluate(self, self.model, chunk), train=False)
            else:
                self._step_through(chunk, train=False)
            self.model.board.refresh()

    def _chunks(self, loader: Batches[Tensor], parts: int) -> Iterator[Iterable[Sequence[Tensor]]]:
        """Yield the chunks of the next epoch of ``loader``, while its labels are the trainer's."""
        with self.labels_of(loader):
            for chunk in chunks(loader, parts):
                yield self.watched(loader, chunk)

    def _step_through(self, chunk: Iterable[Sequence[Tensor]], train: bool) -> None:
        """Take the steps of a chunk of batches through the hooks."""
        self.runtime.set_training(self.model, train)
        step = self.train_on if train else self.validate_on
        for batch in chunk:
            self.examples = len(batch[-1])
            step(batch)
            self._advance(train, 1)

    def prepare_batch(self, batch: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return a batch on the run's device; each backend defines it."""
        raise NotImplementedError

    def train_on(self, batch: Sequence[Tensor]) -> None:
        """Take an optimizer step on a batch, through the hooks; each backend defines it."""
        raise NotImplementedError

    def validate_on(self, batch: Sequence[Tensor]) -> None:
        """Take the model's validation step on a batch, through the hooks."""
        self.model.validation_step(self.prepare_batch(batch))

    def _record(self, steps: Steps, train: bool) -> None:
        """Add the engine's results for a chunk to the totals, and plot them."""
        self.totals[train].add(steps)
        if train and self.first_loss is None:
            self.first_loss = float(steps.loss[0])
        means = {"loss": steps.loss}
        if not train and steps.correct is not None:
            means["acc"] = steps.correct / steps.examples
        if is_step_hook(self.model.plot):
            self.model.plot_chunk(means, steps.examples, train)
            self._advance(train, len(steps.examples))
            return
        # An overridden plot is called once per batch, as on the step path.
        curves = {key: self.runtime.scalars(values) for key, values in means.items()}
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

    def _check_validation(self, loss: float | None) -> None:
        """Warn, once per fit, if the validation loss is NaN or infinite."""
        if loss is None or math.isfinite(loss) or self.warned:
            return
        self.warned = True
        warnings.warn(
            f"the validation loss became {loss} in epoch {self.epoch + 1}; look for NaN, infinite "
            "or very large values in the validation data; early stopping does not count such an "
            "epoch as an improvement",
            stacklevel=2,
        )

    def _check_loss(self, loss: float | None) -> None:
        """Raise DivergenceError if the mean training loss of the epoch so far shows divergence."""
        if loss is None:
            return
        if self.first_loss is None:
            self.first_loss = self.meters["train_loss"].first()
        check_loss(loss, self.first_loss, self.epoch + 1, getattr(self.model, "lr", None))
