"""The state of a fit: all that is needed to go on with it as if it had never been stopped."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from hardmax.errors import RunError
from hardmax.evaluation.totals import Meter, Steps, Totals
from hardmax.training.callbacks import Callback
from hardmax.training.loaders import Loader
from hardmax.training.states import State, check_state

__all__ = ["FitState"]

#: The attributes of the trainer that are saved as they are.
PLAIN = ("train_batch_idx", "val_batch_idx", "first_loss", "warned", "should_stop")

#: The same, of the current epoch.
OF_EPOCH = ("batches_done", "compile_seconds")


class FitState:
    """The state of the fit of a ``trainer``, with its ``callbacks``."""

    def __init__(self, trainer: Any, callbacks: Sequence[Callback]):
        self.trainer, self.callbacks = trainer, callbacks

    def check(self) -> None:
        """Raise ArgumentError if the optimizer or a callback has no state that can be saved."""
        check_state({"callbacks": self._of_callbacks(), "framework": self._of_framework()})

    def get(self) -> State:
        """Return the state, between two batches or after an epoch."""
        trainer = self.trainer
        is_within = trainer.epoch == len(trainer.history)
        return {
            "fit": self._identity(),
            "history": [*trainer.history],
            "epoch": self._epoch() if is_within else None,
            "callbacks": self._of_callbacks(),
            "board": trainer.model.board.state_dict(),
            "weights": trainer.get_weights(trainer.model),
            "framework": self._of_framework(),
            **{name: getattr(trainer, name) for name in PLAIN},
        }

    def restore(self, state: State | None) -> int:
        """Set everything to a state that was saved, if there is one; return the epoch to run.

        Raises RunError if it is that of another fit.
        """
        if state is None:
            return 0
        trainer = self.trainer
        self._check_identity(state["fit"])
        if len(state["history"]) > trainer.max_epochs:
            raise RunError(
                f"the saved fit has had {len(state['history'])} epochs, more than max_epochs="
                f"{trainer.max_epochs}; allow as many, or use another file for resume"
            )
        for name in PLAIN:
            setattr(trainer, name, state[name])
        trainer.history[:] = state["history"]
        first = len(trainer.history)
        trainer.epoch = max(first - 1, 0)
        for name, callback in self._named_callbacks():
            if name in state["callbacks"]:
                callback.load_state_dict(state["callbacks"][name])
        board = trainer.model.board
        board.load_state_dict(state["board"])
        board.xlim = [0, board.epochs + trainer.max_epochs]
        trainer.set_weights(trainer.model, state["weights"])
        trainer.resuming.restore(trainer, state["framework"])
        if state["epoch"] is not None:
            self._restore_epoch(state["epoch"])
        for loader in (trainer.train_dataloader, trainer.val_dataloader):
            if isinstance(loader, Loader):
                loader.epoch = first
        return trainer.max_epochs if trainer.should_stop else first

    def _of_callbacks(self) -> State:
        return {name: one.state_dict() for name, one in self._named_callbacks()}

    def _of_framework(self) -> State:
        state: State = self.trainer.resuming.state_of(self.trainer)
        return state

    def _identity(self) -> dict[str, object]:
        """Return what must be the same for a fit to go on."""
        trainer, loader = self.trainer, self.trainer.train_dataloader
        is_known = isinstance(loader, Loader)
        return {
            "framework": trainer.framework,
            "model": type(trainer.model).__name__,
            "optimizer": type(trainer.optim).__name__,
            "seed": trainer.seed,
            "batches per epoch": trainer.num_train_batches,
            "batch size": loader.batch_size if is_known else None,
            "number of examples": loader.count if is_known else None,
        }

    def _check_identity(self, saved: Mapping[str, object]) -> None:
        for name, value in self._identity().items():
            if saved[name] != value:
                raise RunError(
                    f"the saved state is that of another fit: its {name} is {saved[name]!r}, not "
                    f"{value!r}; use the same arguments, or another file for resume"
                )

    def _epoch(self) -> State:
        """Return the state of the current epoch."""
        trainer = self.trainer
        seconds = time.perf_counter() - trainer.epoch_start
        return {
            "seconds": seconds,
            "totals": [asdict(trainer.totals[train]) for train in (True, False)],
            "meters": [
                [label, np.array([*map(float, meter.values)]), np.array(meter.counts, np.int64)]
                for label, meter in trainer.meters.items()
            ],
            "pieces": [[*steps] for steps in trainer.pieces],
            **{name: getattr(trainer, name) for name in OF_EPOCH},
        }

    def _restore_epoch(self, saved: State) -> None:
        trainer = self.trainer
        trainer.start_epoch()
        trainer.is_resumed = True
        trainer.seconds_before = saved["seconds"]
        trainer.totals = {
            train: Totals(**totals)
            for train, totals in zip((True, False), saved["totals"], strict=True)
        }
        for label, values, counts in saved["meters"]:
            trainer.meters[label] = Meter(values.tolist(), counts.tolist())
        trainer.pieces = [Steps(*arrays) for arrays in saved["pieces"]]
        for name in OF_EPOCH:
            setattr(trainer, name, saved[name])

    def _named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        """Yield the callbacks with names that tell them apart, in the order of their calls."""
        counts: dict[str, int] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            counts[kind] = counts.get(kind, 0) + 1
            yield f"{kind} {counts[kind]}", callback
