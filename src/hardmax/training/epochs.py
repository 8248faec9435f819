"""An epoch of training: its chunks, on the fast path or step by step, and their sums."""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from hardmax.evaluation.totals import Meter, Steps, Totals
from hardmax.training.callbacks import Callback
from hardmax.training.contracts import Batches, EpochRecord
from hardmax.training.dispatch import is_step_hook, step_hook
from hardmax.training.divergence import check_loss
from hardmax.training.evaluator import ModelT, Tensor
from hardmax.training.loaders import Loader, chunk_bounds, chunks
from hardmax.training.planned import Planned
from hardmax.training.saving import Saving
from hardmax.training.sharing import joined_meter, whole_steps

__all__ = ["Epochs"]


class Epochs(Planned[ModelT, Tensor]):
    """Base class of trainers: runs the epochs of a fit, one at a time."""

    # On the class, because a user may replace __init__ with the book's.
    callbacks: Sequence[Callback] = ()

    max_epochs: int
    train_dataloader: Batches[Tensor]
    val_dataloader: Batches[Tensor] | None
    num_train_batches: int
    num_val_batches: int
    epoch = 0
    train_batch_idx = 0
    val_batch_idx = 0
    examples = 1
    uses_engine = False
    should_stop = False
    #: The loss of the first batch of the fit, and whether the validation loss was warned of.
    first_loss: float | None = None
    warned = False
    #: When the state of the fit is saved, if it is.
    saving: Saving | None = None
    #: Whether the next epoch is the rest of one whose state was saved.
    is_resumed = False

    def start_epoch(self) -> None:
        """Set all that is counted in an epoch to nothing."""
        self.meters: dict[str, Meter] = {}
        self.totals = {True: Totals(), False: Totals()}
        self.compile_seconds = 0.0
        self.seconds_before = 0.0
        #: The number of batches of the epoch that the model was trained on, and the results of
        #: those that belong to an unfinished chunk.
        self.batches_done = 0
        self.pieces: list[Steps] = []

    def run_epoch(self) -> EpochRecord:
        """Run one epoch, or the rest of one, and return its record."""
        if not self.is_resumed:
            self.start_epoch()
        self.is_resumed = False
        self.epoch_start = time.perf_counter() - self.seconds_before
        self.fit_epoch()
        if self.sharing.size > 1:
            self.meters = {
                label: joined_meter(meter, self.sharing) for label, meter in self.meters.items()
            }
        seconds = time.perf_counter() - self.epoch_start - self.compile_seconds
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

    @step_hook
    def fit_epoch(self) -> None:
        """Train for an epoch and validate, on the fast path or step by step through the hooks."""
        for piece in self._train_pieces():
            if self.uses_engine:
                self.pieces.append(whole_steps(self.engine.train(self, piece), self.sharing))
                self.batches_done += len(self.pieces[-1].loss)
            else:
                self._step_through(piece, train=True)
            if self._is_chunk_done():
                self._finish_chunk()
        if self.val_dataloader is None:
            return
        for chunk in self._chunks(self.val_dataloader, self.model.plot_valid_per_epoch):
            if self.uses_engine:
                self._record(self.evaluate_on(self.model, chunk), train=False)
            else:
                self._step_through(chunk, train=False)
            self.model.board.refresh()

    def _train_pieces(self) -> Iterator[Iterable[Sequence[Tensor]]]:
        """Yield what is left to train on, in chunks or pieces of them; save the state after some.

        Batches that are not hardmax's own cannot be resumed in the middle of an epoch.
        """
        loader, parts = self.train_dataloader, self.model.plot_train_per_epoch
        # On the step path, each process has only the meters of its own shares until an epoch ends.
        is_whole = self.uses_engine or self.sharing.size == 1
        saving = self.saving if isinstance(loader, Loader) and is_whole else None
        if saving is None:
            yield from self._chunks(loader, parts)
            return
        for piece in self._chunks(loader, parts, self.batches_done, saving.piece_end):
            first, start = self.batches_done, time.perf_counter() - self.compile_seconds
            yield piece
            saving.after_piece(
                self.batches_done,
                batches=self.batches_done - first,
                seconds=time.perf_counter() - self.compile_seconds - start,
                ends_epoch=self.batches_done == self.num_train_batches,
            )

    def _chunks(
        self,
        loader: Batches[Tensor],
        parts: int,
        first: int = 0,
        piece_end: Callable[[int], int] | None = None,
    ) -> Iterator[Iterable[Sequence[Tensor]]]:
        """Yield the chunks of the next epoch of ``loader``, while its labels are the trainer's."""
        with self.labels_of(loader):
            for chunk in chunks(loader, parts, first, piece_end, self.sharing):
                yield self.watched(loader, chunk)

    def _is_chunk_done(self) -> bool:
        """Return whether the batches so far are whole chunks."""
        if not isinstance(self.train_dataloader, Loader):
            return True
        parts = self.model.plot_train_per_epoch
        stop = chunk_bounds(self.batches_done - 1, self.num_train_batches, parts)[1]
        return self.batches_done == stop

    def _finish_chunk(self) -> None:
        """Add the results of the chunk that was trained on, and call the callbacks."""
        if self.uses_engine:
            decides = self.pieces[0].correct is not None
            self._record(Steps.joined(self.pieces, decides), train=True)
            self.pieces = []
            self._check_loss(self.totals[True].loss)
        self.model.board.refresh()
        for callback in self.callbacks:
            callback.on_chunk(self)

    def _step_through(self, chunk: Iterable[Sequence[Tensor]], train: bool) -> None:
        """Take the steps of a chunk of batches through the hooks."""
        self.runtime.set_training(self.model, train)
        step = self.train_on if train else self.validate_on
        for batch in chunk:
            # What a backend computes with in place of an empty share does not count.
            self.examples = self.share.own if self.sharing.size > 1 else len(batch[-1])
            step(batch)
            self._advance(train, 1)
            self.batches_done += train

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
            meter = self.meters.setdefault(label, Meter())
            if self.examples:  # the share of a batch may be empty
                meter.add(value * self.examples, self.examples)
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
