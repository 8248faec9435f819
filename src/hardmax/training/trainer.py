"""The training loop over epochs, with its callbacks and history."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hardmax.checks import check_seed, check_whole
from hardmax.errors import ArgumentError
from hardmax.networks.layouts import Portable
from hardmax.plotting import drawers
from hardmax.plotting.progress import Progress
from hardmax.training.callbacks import Callback, EarlyStopping, EpochLog, SaveCheckpoint
from hardmax.training.contracts import DataModule, EpochRecord, Resuming
from hardmax.training.dispatch import takes_engine
from hardmax.training.epochs import Epochs
from hardmax.training.evaluator import ModelT, Tensor
from hardmax.training.fit_state import FitState
from hardmax.training.intervals import CHECKPOINT_EVERY, check_minutes
from hardmax.training.loaders import Loader, batch_count
from hardmax.training.own_data import check_weights
from hardmax.training.saving import Saving
from hardmax.training.schedules import flat_cosine
from hardmax.training.states import StateFiles, Store, state_from_first

__all__ = ["Trainer"]

log = logging.getLogger(__name__)


class Trainer(Epochs[ModelT, Tensor]):
    """Fits a model to data; each backend adds the book's hooks for its framework.

    The book's arguments are ``max_epochs``, ``num_gpus`` and ``gradient_clip_val``, the maximum
    norm of all gradients together (0: no limit). hardmax adds:

    ``seed`` determines the order of the examples and the framework's random numbers during fit.
    ``device`` is ``"auto"``, ``"cpu"`` or the framework's name of a device. ``patience`` stops
    training once the validation loss has not improved for that many epochs, and restores the best
    weights. ``checkpoint`` is a file to save the weights to after every epoch. ``resume`` is a file
    that the state of the fit is saved to, every ``checkpoint_every`` minutes and at the ends of
    epochs: if it exists, fit goes on from there, with the same results as if it had never been
    stopped. ``callbacks`` are called during fit. ``history`` has one record per epoch: the means
    over its examples, its duration in ``seconds`` and, not included in it, the ``compile_seconds``
    that the framework spent compiling the model.

    Raises ArgumentError for invalid values.
    """

    # On the class, because a user may replace __init__ with the book's.
    num_gpus = 0
    gradient_clip_val: float = 0
    seed: int | None = None
    patience: int | None = None
    checkpoint: str | os.PathLike[str] | None = None
    resume: str | os.PathLike[str] | Store | None = None
    checkpoint_every: float = CHECKPOINT_EVERY

    optim: object
    resuming: Resuming[Any]
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
        resume: str | os.PathLike[str] | Store | None = None,
        checkpoint_every: float = CHECKPOINT_EVERY,
        callbacks: Sequence[Callback] = (),
    ):
        self.save_hyperparameters()
        check_whole("max_epochs", max_epochs, 1)
        if patience is not None:
            check_whole("patience", patience, 1)
        if seed is not None:
            check_seed(seed)
        if resume is not None and seed is None:
            raise ArgumentError(
                "resume needs a seed, so that the same order of the examples can be had again; "
                "give one, such as seed=0"
            )
        check_minutes(checkpoint_every)
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
                loader.seed, loader.epoch = self._order_seed(loader), 0
                self.runtime.place(loader, self.run_device)

    def _order_seed(self, loader: Loader[Tensor, Any]) -> int | None:
        """Return the seed of the order of a loader's examples, the same in all processes."""
        if self.seed is not None or self.group.size == 1:
            return self.seed
        return int(self.group.from_first(np.asarray(loader.draw_seed()))[0])

    def prepare_model(self, model: ModelT) -> None:
        """Move the model to the run's device and attach it to this trainer."""
        model.trainer = self
        model.board.display = model.board.display and self.group.is_first
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
        with self.group.guarded(), self.runtime.seeded(self.seed, self.run_device):
            self.prepare_data(data)
            self.prepare_model(model)
            if not self.continues:
                self.prepare_optimizer()
            if self.group.size > 1:
                self.processes.synchronize(self)
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
        self.first_loss = None
        self.warned = self.is_resumed = False
        self.uses_engine = takes_engine(self, self.model) and self.engine_suits()
        callbacks = self._fit_callbacks()
        for callback in callbacks:
            callback.on_fit_start(self)
        first = self._prepare_saving(callbacks)
        self.model.board.progress = Progress(self)
        with contextlib.closing(self.model.board), self._counted():
            for epoch in range(first, self.max_epochs):
                self.epoch = epoch
                self._schedule_dropout()
                record = self.run_epoch()
                history.append(record)
                for callback in callbacks:
                    callback.on_epoch(self, record)
                is_last = self.should_stop or epoch + 1 == self.max_epochs
                if self.saving is not None:
                    self.saving.after_epoch(is_last)
                if is_last:
                    break
        for callback in callbacks:
            callback.on_fit_end(self)

    def _fit_callbacks(self) -> list[Callback]:
        """Return the user's callbacks, and those that the arguments ask for."""
        callbacks = [*self.callbacks]
        if self.model.board.display and not drawers.has_screen():
            callbacks.insert(0, EpochLog())
        if self.checkpoint is not None and self.group.is_first:
            callbacks.append(SaveCheckpoint(self.checkpoint))
        if self.patience is not None:
            callbacks.append(EarlyStopping(self.patience))
        return callbacks

    def _prepare_saving(self, callbacks: Sequence[Callback]) -> int:
        """Set the state of the fit to the one that was saved, if any; return the epoch to run."""
        self.saving = None
        if self.resume is None:
            return 0
        store = self.resume
        if isinstance(store, str | os.PathLike):
            store = StateFiles(store)
            # Of several processes, the first keeps the file.
            saved = store.load() if self.group.is_first else None
        else:
            saved = store.load()
        fit_state = FitState(self, callbacks)
        fit_state.check()
        first = fit_state.restore(state_from_first(saved, self.group))
        if self.history or self.is_resumed:
            batches = self.batches_done if self.is_resumed else 0
            log.info("the fit goes on after %d epochs and %d batches", len(self.history), batches)
        self.saving = Saving(
            store, self.checkpoint_every, fit_state.get, self.resuming.STEP, self.group
        )
        return first

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

    def engine_suits(self) -> bool:
        """Return whether the engine supports the optimizer."""
        return True
