"""States that cannot be saved, and those that no fit can go on from."""

import math

import pytest
from book_models import dropout_mlp
from resuming import OFTEN, StopAfterChunks, StopAfterSaves, Stopped, assert_same_fit, created

from hardmax.errors import ArgumentError, RunError
from hardmax.networks import layers
from hardmax.training.callbacks import Callback
from hardmax.training.states import StateFiles


def one_line(caught):
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.shared
def test_resuming_needs_a_seed(fw, tmp_path):
    with pytest.raises(ArgumentError, match="resume needs a seed") as caught:
        fw.Trainer(1, resume=tmp_path / "fit")
    one_line(caught)


@pytest.mark.shared
@pytest.mark.parametrize("minutes", [0, -1, -0.0, math.nan, -math.inf])
def test_states_are_saved_every_positive_number_of_minutes(fw, tmp_path, minutes):
    with pytest.raises(ArgumentError, match="minutes between two states must be above 0") as caught:
        fw.Trainer(1, seed=0, resume=tmp_path / "fit", checkpoint_every=minutes)
    one_line(caught)


def test_an_optimizer_without_a_state_is_refused_before_the_training(
    framework, fw, make_data, fit, tmp_path
):
    class Own:
        """SGD as the book's readers write it."""

        def step(self, *_):
            pass

        def zero_grad(self):
            pass

        def apply_gradients(self, pairs):
            pass

    if framework == "jax":
        pytest.skip("what optimizers keep in JAX is a value that the trainer has")
    cls = type("Own", (fw.SoftmaxRegression,), {"configure_optimizers": lambda self: Own()})
    path = tmp_path / "fit"
    with pytest.raises(ArgumentError, match="the state of Own cannot be saved") as caught:
        fit(cls(num_outputs=4, lr=0.1), make_data(), resume=path, callbacks=[StopAfterChunks(1)])
    assert "leave out resume" in one_line(caught)
    assert not path.exists()


@pytest.fixture
def saved(make_model, make_data, fit, tmp_path):
    """The file of the state of a fit that was stopped in its second epoch."""
    path = tmp_path / "fit.safetensors"
    with pytest.raises(Stopped):
        fit(
            make_model(),
            make_data(),
            resume=path,
            checkpoint_every=OFTEN,
            callbacks=[StopAfterChunks(4)],
        )
    return path


@pytest.mark.shared
@pytest.mark.parametrize("other", ["seed", "batches per epoch", "model", "framework"])
def test_the_state_of_another_fit_is_refused(fw, make_model, make_data, fit, saved, other):
    before = saved.read_bytes()
    cls, seed, size = None, 0, 16
    if other == "seed":
        seed = 1
    elif other == "batches per epoch":
        size = 17
    elif other == "model":
        cls = type("Other", (fw.models.NetworkClassifier,), {})
    else:
        files = StateFiles(saved)
        state = files.load()
        state["fit"]["framework"] = "theano"
        files.save(state)
        before = saved.read_bytes()
    with pytest.raises(RunError, match=f"another fit: its {other} is ") as caught:
        fit(make_model(cls), make_data(size), resume=saved, seed=seed)
    assert "another file for resume" in one_line(caught)
    assert saved.read_bytes() == before


@pytest.mark.shared
def test_as_many_batches_of_other_examples_are_refused(
    fw, make_model, make_data, fit, train_images, val_images, tmp_path
):
    path, size = tmp_path / "fit", len(train_images) - 2
    fit(make_model(), make_data(size), resume=path)
    with pytest.raises(RunError, match=f"another fit: its batch size is {size}, not {size + 1};"):
        fit(make_model(), make_data(size + 1), resume=path)
    fewer = fw.data.ImageData(train_images.take(range(size + 1)), val_images, size)
    with pytest.raises(RunError, match=f"its number of examples is {size + 2}, not {size + 1};"):
        fit(make_model(), fewer, resume=path)


def test_the_state_of_another_network_is_refused(make_model, make_data, fit, saved):
    before = saved.read_bytes()
    with pytest.raises(RunError, match=r"\bweight\b") as caught:
        fit(make_model(network=(layers.Flatten(), layers.Linear(4))), make_data(), resume=saved)
    one_line(caught)
    assert saved.read_bytes() == before


def test_the_state_of_another_optimizer_is_refused(framework, fw, make_data, fit, tmp_path):
    path, cls = tmp_path / "fit", dropout_mlp(framework, fw)
    plain = {"configure_optimizers": fw.Module.configure_optimizers}
    with pytest.raises(Stopped):
        fit(created(fw, cls), make_data(), resume=StopAfterSaves(path, 1))
    before = path.read_bytes()
    with pytest.raises(RunError, match="optimizer") as caught:
        fit(created(fw, type("DropoutMLP", (cls,), plain)), make_data(), resume=path)
    one_line(caught)
    assert path.read_bytes() == before


@pytest.mark.shared
def test_damaged_files_are_an_error_and_stay(make_model, make_data, fit, saved):
    files = [saved, StateFiles(saved).previous]
    for path in files:
        path.write_bytes(path.read_bytes()[:-5])
    before = [path.read_bytes() for path in files]
    with pytest.raises(RunError, match=r"is damaged.*is damaged.*; delete") as caught:
        fit(make_model(), make_data(), resume=saved)
    one_line(caught)
    assert [path.read_bytes() for path in files] == before


@pytest.mark.shared
def test_if_the_newest_file_is_damaged_the_one_before_is_used(make_model, make_data, fit, saved):
    saved.write_bytes(b"")
    with pytest.warns(UserWarning, match="goes on from the state before") as told:
        again = fit(make_model(), make_data(), resume=saved)
    assert len(told) == 1
    assert "\n" not in str(told[0].message)
    assert_same_fit(again, fit(make_model(), make_data()))


@pytest.mark.shared
@pytest.mark.parametrize("place", ["", "."])
def test_a_folder_is_no_state(make_model, make_data, fit, tmp_path, place):
    with pytest.raises(RunError, match="it is a folder") as caught:
        fit(make_model(), make_data(), resume=tmp_path / place)
    one_line(caught)


@pytest.mark.shared
def test_if_the_folder_is_lost_the_fit_goes_on_and_tells_it_once(
    make_model, make_data, fit, tmp_path
):
    folder, kept = tmp_path / "states", tmp_path / "kept"
    folder.mkdir()

    class Losing(Callback):
        chunks = 0

        def on_chunk(self, trainer):
            self.chunks += 1
            if self.chunks == 4:
                folder.rename(kept)
                folder.write_text("a file")

    settings = {"resume": folder / "fit", "checkpoint_every": OFTEN}
    whole = fit(make_model(), make_data())
    with pytest.warns(UserWarning, match=r"not saved: cannot write .*Not a directory") as told:
        assert_same_fit(fit(make_model(), make_data(), callbacks=[Losing()], **settings), whole)
    assert len(told) == 1
    assert "\n" not in str(told[0].message)
    folder.unlink()
    kept.rename(folder)
    assert_same_fit(fit(make_model(), make_data(), **settings), whole)
