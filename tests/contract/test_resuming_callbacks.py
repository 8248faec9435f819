"""Callbacks, early stopping and the ends of fits that are resumed."""

from functools import partial

import numpy as np
import pytest
from resuming import (
    DROPOUT,
    EPOCHS,
    OFTEN,
    StopAfterChunks,
    StopAfterSaves,
    Stopped,
    assert_same_fit,
)

from hardmax.errors import ArgumentError
from hardmax.training.callbacks import Callback
from hardmax.training.recipes import Recipe

pytestmark = pytest.mark.shared


@pytest.mark.parametrize("checkpoint_every", [5, OFTEN])
def test_what_was_trained_after_the_last_state_is_trained_again(
    make_model, make_data, fit, tmp_path, checkpoint_every
):
    model = partial(make_model, network=DROPOUT, recipe=Recipe(0.1, momentum=0.9))
    settings = {"resume": tmp_path / "fit", "checkpoint_every": checkpoint_every}
    for chunks in (3, 2):
        with pytest.raises(Stopped):
            fit(model(), make_data(), EPOCHS, callbacks=[StopAfterChunks(chunks)], **settings)
    assert_same_fit(
        fit(model(), make_data(), EPOCHS, **settings), fit(model(), make_data(), EPOCHS)
    )


@pytest.mark.parametrize("patience", [None, 1])
def test_a_fit_that_has_ended_ends_at_once(make_model, make_data, fit, tmp_path, patience):
    model = partial(make_model, network=DROPOUT, recipe=Recipe(1.0))
    settings = {"epochs": 8, "patience": patience, "resume": tmp_path / "fit"}
    first = fit(model(), make_data(), **settings)
    assert first.should_stop == (patience is not None)
    assert (len(first.history) < 8) == (patience is not None)
    again = fit(model(), make_data(), callbacks=[StopAfterChunks(1)], **settings)
    assert_same_fit(again, first)
    assert again.history == first.history  # also the seconds


def test_early_stopping_remembers_the_best_epoch(make_model, make_data, fit, tmp_path):
    model = partial(make_model, network=DROPOUT, recipe=Recipe(1.0))
    whole = fit(model(), make_data(), 12, patience=2)
    losses = [record["val_loss"] for record in whole.history]
    assert whole.should_stop
    assert len(losses) == int(np.argmin(losses)) + 3
    settings = {"patience": 2, "resume": tmp_path / "fit", "checkpoint_every": OFTEN}
    for chunks in (1, 2 * len(losses) - 3):
        with pytest.raises(Stopped):
            fit(model(), make_data(), 12, callbacks=[StopAfterChunks(chunks)], **settings)
    assert_same_fit(fit(model(), make_data(), 12, **settings), whole)


def test_a_rest_of_an_epoch_that_is_not_run_is_forgotten(fw, make_model, make_data, fit, tmp_path):
    model = partial(make_model, network=DROPOUT)
    path = tmp_path / "fit"
    store = StopAfterSaves(path, 12)
    with pytest.raises(Stopped):
        fit(model(), make_data(), EPOCHS, checkpoint_every=OFTEN, resume=store)
    trainer = fw.Trainer(1, seed=0, resume=path)  # the second of three epochs has been begun
    trainer.fit(model(), make_data())
    assert len(trainer.history) == 1
    trainer.resume = None
    trainer.fit(model(), make_data())
    assert_same_fit(trainer, fit(model(), make_data(), 1))


class Collector(Callback):
    """A callback that has a state, which starts anew with each fit."""

    def on_fit_start(self, trainer):
        self.seen = []

    def on_chunk(self, trainer):
        self.seen.append(trainer.train_batch_idx)

    def state_dict(self):
        return {"seen": np.array(self.seen), "count": len(self.seen)}

    def load_state_dict(self, state):
        self.seen = state["seen"].tolist()
        assert len(self.seen) == state["count"]


def test_callbacks_get_their_states_back(make_model, make_data, fit, tmp_path):
    class Plain(Callback):
        chunks = 0

        def on_chunk(self, trainer):
            self.chunks += 1

    def callbacks():
        late = Collector()
        late.on_chunk = lambda trainer: trainer.epoch and Collector.on_chunk(late, trainer)
        return [Collector(), Plain(), late]

    model = partial(make_model, network=DROPOUT)
    whole, first, second = callbacks(), callbacks(), callbacks()
    fit(model(), make_data(), EPOCHS, callbacks=whole)
    settings = {"resume": tmp_path / "fit", "checkpoint_every": OFTEN}
    with pytest.raises(Stopped):
        fit(model(), make_data(), EPOCHS, callbacks=[*first, StopAfterChunks(4)], **settings)
    fit(model(), make_data(), EPOCHS, callbacks=second, **settings)
    assert second[0].seen == whole[0].seen
    assert second[2].seen == whole[2].seen == whole[0].seen[2:]
    assert second[1].chunks == 3  # its own are not saved


def test_a_state_that_a_callback_cannot_have_is_refused(make_model, make_data, fit, tmp_path):
    class Wrong(Callback):
        def state_dict(self):
            return {"seen": {1, 2}}

    with pytest.raises(ArgumentError, match=r"a set as callbacks\.Wrong 1\.seen; it may have"):
        fit(make_model(), make_data(), callbacks=[Wrong()], resume=tmp_path / "fit")


def test_an_epoch_as_the_book_writes_it_goes_on_at_its_end(fw, make_model, make_data, tmp_path):
    class AfterEpochs(Callback):
        def on_epoch(self, trainer, record):
            if record["epoch"] == 2:
                raise Stopped

    class ByHand(fw.Trainer):
        def fit_epoch(self):
            self.model.train()
            for batch in self.train_dataloader:
                loss = self.model.training_step(self.prepare_batch(batch))
                self.optim.zero_grad()
                loss.backward()
                self.optim.step()
                self.train_batch_idx += 1

    def fit(**settings):
        trainer = ByHand(EPOCHS, seed=0, checkpoint_every=OFTEN, **settings)
        trainer.fit(make_model(network=DROPOUT), make_data())
        return trainer

    with pytest.raises(Stopped):
        fit(resume=tmp_path / "fit", callbacks=[AfterEpochs()])
    again = fit(resume=tmp_path / "fit")
    assert [record["epoch"] for record in again.history] == [1, 2, 3]
    assert_same_fit(again, fit())
