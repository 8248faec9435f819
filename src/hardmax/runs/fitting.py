"""Fits the networks of a run, one after the other, until all are done or Ctrl-C."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hardmax import frameworks
from hardmax.data.datasets import Examples, taken
from hardmax.errors import DivergenceError
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape
from hardmax.reports.records import MemberRecord, ResultsRecord
from hardmax.runs.best_weights import BestWeights, TrainingState
from hardmax.runs.features import FeatureExtractor
from hardmax.runs.interruptions import Interruptions
from hardmax.runs.kept_networks import KeptNetworks
from hardmax.runs.members import (
    Member,
    OutOfFold,
    advising,
    averaged,
    averaging,
    mean_epochs,
    members_of,
    network_of,
    session_of,
    smaller_rate,
)
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings
from hardmax.runs.warm_start import WarmStart
from hardmax.training.callbacks import Callback
from hardmax.training.contracts import EpochRecord, Model
from hardmax.training.intervals import CHECKPOINT_EVERY
from hardmax.training.states import Store
from hardmax.training.weights import loss_weights

__all__ = ["Fitted", "Fitting", "best_by"]


class Fitted(NamedTuple):
    """The trained network of a run, and how its training went.

    ``states`` are those of its members, ``out_of_fold`` the evaluation of the training set by the
    members that had not seen each example, if there were folds, and ``rows`` the positions of its
    examples, int64: all, unless the training was interrupted. With an ``extractor``, only the head
    of the network was trained.
    """

    network: Network
    weights: dict[str, np.ndarray]
    states: list[TrainingState]
    stopped_early: bool
    out_of_fold: ClassifierEvaluation | None
    rows: np.ndarray
    extractor: FeatureExtractor | None = None

    @property
    def epochs(self) -> list[EpochRecord]:
        """The history of the training."""
        histories = [state.epochs for state in self.states]
        return histories[0] if len(histories) == 1 else mean_epochs(histories)

    def is_whole(self, settings: Settings) -> bool:
        """Return whether the training was not interrupted."""
        return len(self.states) == settings.members and (
            self.stopped_early or len(self.states[-1].epochs) == settings.epochs
        )

    def session(self, settings: Settings, shape: Shape) -> Session:
        """Return a session with the trained network."""
        if self.extractor is not None:
            return self.extractor.head_session(self.network, self.weights)
        backend = frameworks.load(settings.framework)
        return Session(backend, self.network, shape, self.weights, device=settings.device)

    def results(self, settings: Settings, test: ClassifierEvaluation) -> ResultsRecord:
        """Return the record of how the training ended, and of the metrics on the test set."""
        completed = len(self.epochs)
        record: ResultsRecord = {
            "epochs": completed,
            "weights_epoch": max(state.epoch for state in self.states),
            "interrupted": not self.is_whole(settings),
            "stopped_early": self.stopped_early,
            "test": test.summary(),
            "reliability": test.reliability,
        }
        if settings.members > 1 or settings.folds is not None:
            record["members"] = [*map(_member_record, self.states)]
        return record


def _member_record(state: TrainingState) -> MemberRecord:
    return {
        "epochs": len(state.epochs),
        "weights_epoch": state.epoch,
        "validation_loss": state.record["val_loss"],
        "validation_accuracy": state.record["val_accuracy"],
    }


def best_by(settings: Settings) -> str | None:
    """Return the metric that chooses the epoch of a network; see ``BestWeights``."""
    if settings.folds is not None:
        return "accuracy"
    return None if settings.patience is None else "loss"


def _is_finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())


class Fitting:
    """The fit of the networks of a run, on ``train``.

    Their epochs are evaluated on ``held_out``, if there are no folds; without patience nothing is
    chosen by it. ``ordered`` are the positions of features that are scaled numbers, if known;
    ``class_weights`` are those of ``loss_weights``. ``start`` is the network to go on from, if any;
    otherwise it is that of the settings. ``states`` receives the state of each network,
    ``callbacks`` their events; the board of the model ``shown``, if there is one, draws the curves
    of all networks, one after the other. ``store``, if given, keeps the state of the fit, every
    ``checkpoint_every`` minutes, and may have one to go on from.
    """

    def __init__(
        self,
        settings: Settings,
        train: Examples,
        held_out: Examples | None,
        *,
        classes: tuple[str, ...],
        ordered: tuple[int, ...] | None = None,
        class_weights: np.ndarray | str | None = None,
        start: WarmStart | None = None,
        states: list[TrainingState] | None = None,
        callbacks: Sequence[Callback] = (),
        interruptions: Interruptions | None = None,
        shown: Model | None = None,
        store: Store | None = None,
        checkpoint_every: float = CHECKPOINT_EVERY,
    ):
        self.settings, self.train, self.classes = settings, train, classes
        self.class_weights = class_weights
        self.states = [] if states is None else states
        self.callbacks, self.interruptions, self.shown = callbacks, interruptions, shown
        self.store, self.checkpoint_every = store, checkpoint_every
        self.stopped_early = False
        self.held_out = held_out
        self.start = None if start is None else start.weights
        self.network = (
            network_of(settings, train.inputs, len(classes), ordered)
            if start is None
            else start.network
        )
        self.extractor = None
        if settings.pretrained is not None:
            self.extractor = FeatureExtractor(settings, train.inputs.shape[1:])
        self.members = members_of(settings, train, held_out)

    @property
    def fitted_network(self) -> Network:
        """The network that a complete fit returns: that of the only member, or their average."""
        count = len(self.members)
        if self.extractor is None or self.settings.finetune:
            return averaging(self.network, count)
        return (*self.network[:-1], *averaging(self.network[-1:], count))

    def fit(self) -> Fitted:
        """Fit until done or Ctrl-C, and return the trained network.

        Raises DivergenceError if a loss diverges, or a weight becomes NaN or infinite.
        """
        extractor = self.extractor
        if extractor is None:
            return self._fit_all(self.members, self.network, lambda _: self.start)
        head, train, held_out = self.network[-1:], extractor.features(self.train), None
        if self.settings.finetune:
            members, start = members_of(self.settings, train, None), self._start
            return self._fit_all(
                self.members, self.network, lambda number: start(extractor, head, members[number])
            )
        if self.held_out is not None:
            held_out = extractor.features(self.held_out)
        members = members_of(self.settings, train, held_out)
        fitted = self._fit_all(members, head, lambda _: None)
        network, weights = extractor.with_head(fitted.network, fitted.weights)
        return fitted._replace(network=network, weights=weights, extractor=extractor)

    def _start(
        self, extractor: FeatureExtractor, head: Network, member: Member
    ) -> dict[str, np.ndarray]:
        """Return the weights of the pretrained network with a head trained on its features."""
        settings = self.settings.of_head
        session = session_of(settings, head, member.seed, member.train)
        self._train(settings, session, member.train, None)
        return extractor.with_head(head, session.weights())[1]

    def _fit_all(
        self,
        members: Sequence[Member],
        network: Network,
        start_of: Callable[[int], dict[str, np.ndarray] | None],
    ) -> Fitted:
        """Fit the members, each from the weights ``start_of`` its number, or initial weights."""
        out_of_fold = OutOfFold(len(self.train), len(self.classes))
        kept = None
        if self.store is not None:
            kept = KeptNetworks(self.store, self.states, out_of_fold)
        for number in range(len(self.states), len(members)):
            start = None if kept is not None and kept.current is not None else start_of(number)
            if not self._fit_member(members[number], network, start, out_of_fold, kept):
                break
        network, weights = averaged(network, [state.weights for state in self.states])
        rows, evaluation = out_of_fold.rows, None
        if self.settings.folds is not None:
            evaluation = ClassifierEvaluation(
                out_of_fold.scores,
                self.train.labels[rows],
                taken(self.train.weights, rows),
                classes=self.classes,
            )
        return Fitted(network, weights, self.states, self.stopped_early, evaluation, rows)

    def _fit_member(
        self,
        member: Member,
        network: Network,
        start: dict[str, np.ndarray] | None,
        out_of_fold: OutOfFold,
        kept: KeptNetworks | None,
    ) -> bool:
        """Fit a member, add its state and its scores; return whether there was no Ctrl-C."""
        best_weights = BestWeights(best_by(self.settings))
        train, held_out = member.train, member.held_out
        session = session_of(
            self.settings,
            network,
            member.seed,
            train,
            callbacks=[best_weights, *self.callbacks],
            weights=start,
            resume=kept,
            checkpoint_every=self.checkpoint_every,
        )
        self._show(session.model)
        is_complete = self._fit(session, train, held_out, best_weights)
        if best_weights.state is None:
            return False
        self.states.append(best_weights.state)
        self.stopped_early = session.trainer.should_stop
        if member.fold is not None and held_out is not None:
            session.trainer.set_weights(session.model, best_weights.state.weights)
            size = self.settings.batch(len(train))
            out_of_fold.add(member.fold, session.scores(held_out, size))
        return is_complete

    def _show(self, model: Model) -> None:
        """Let the board of the model ``shown`` draw the curves of another model."""
        if self.shown is not None:
            for name in ("board", "plot_train_per_epoch", "plot_valid_per_epoch"):
                setattr(model, name, getattr(self.shown, name))

    def _fit(
        self,
        session: Session,
        train: Examples,
        held_out: Examples | None,
        best_weights: BestWeights,
    ) -> bool:
        """Fit a network; return False after Ctrl-C once any epoch is complete.

        Raises KeyboardInterrupt before that, and in several processes, which end at once.
        """
        if self.interruptions is not None:
            self.interruptions.listen()
        try:
            with advising(self.settings):
                self._train(self.settings, session, train, held_out)
        except KeyboardInterrupt:
            has_epoch = best_weights.state is not None or self.states
            if self.interruptions is None or not (self.interruptions.waits and has_epoch):
                raise
            is_complete = False
        else:
            is_complete = True
        if self.interruptions is not None:
            self.interruptions.hold()
        state = best_weights.state
        if state is not None and not all(map(_is_finite, state.weights.values())):
            raise DivergenceError(f"a weight became NaN or infinite; {smaller_rate(self.settings)}")
        return is_complete

    def _train(
        self,
        settings: Settings,
        session: Session,
        train: Examples,
        held_out: Examples | None,
    ) -> None:
        session.fit(
            train,
            held_out,
            settings.batch(len(train)),
            balanced=settings.balanced,
            loss_weights=loss_weights(train, self.class_weights),
            augment=settings.augmentations,
        )
