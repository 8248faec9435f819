"""What the fit of several networks keeps, so that it can be resumed."""

from hardmax.runs.best_weights import TrainingState
from hardmax.runs.members import OutOfFold
from hardmax.training.states import State, Store

__all__ = ["KeptNetworks"]


class KeptNetworks:
    """A store of the network that is trained, among the others of a training.

    ``finished`` are the networks before it, ``out_of_fold`` their scores; both are set to what
    ``store`` has kept.
    """

    def __init__(self, store: Store, finished: list[TrainingState], out_of_fold: OutOfFold):
        self.store, self.finished, self.out_of_fold = store, finished, out_of_fold
        self.current: State | None = None
        kept = store.load()
        if kept is not None:
            finished[:] = [TrainingState(**state) for state in kept["finished"]]
            out_of_fold.totals, out_of_fold.counts = kept["out_of_fold"]
            self.current = kept["current"]

    @property
    def is_closing(self) -> bool:
        """Whether a state is to be saved as soon as possible, because the fit is going to end."""
        return self.store.is_closing

    def load(self) -> State | None:
        """Return the state of the network that was trained last, once."""
        current, self.current = self.current, None
        return current

    def save(self, state: State) -> None:
        """Keep the state of the network that is trained, with the others."""
        self.store.save(
            {
                "finished": [one._asdict() for one in self.finished],
                "out_of_fold": [self.out_of_fold.totals, self.out_of_fold.counts],
                "current": state,
            }
        )
