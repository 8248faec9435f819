"""The folders of trainings that were stopped, among others."""

import pytest

from hardmax.errors import RunError
from hardmax.runs.settings import Settings
from hardmax.runs.unfinished import STATE, Unfinished, asked_record, find
from hardmax.training.states import StateFiles

SETTINGS = Settings(data="digits", model="mlp", epochs=3)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def add(folder, **changes):
    """Save the state of a training in a new folder."""
    record = asked_record(SETTINGS)
    state = {"asked": record, "settings": SETTINGS.as_record(), "fingerprint": "x", **changes}
    folder.mkdir()
    StateFiles(folder / STATE).save(state)


def test_of_all_folders_that_of_the_same_settings_is_found(runs):
    add(runs / "same.unfinished")
    add(runs / "other.unfinished", asked=asked_record(Settings(data="digits", epochs=4)))
    (runs / "without-a-state.unfinished").mkdir()
    (runs / "file.unfinished").write_text("")
    # Like one that a training deletes between the listing and the reading.
    (runs / "gone.unfinished").symlink_to(runs / "nowhere")
    told = []
    found = find(SETTINGS, None, told.append)
    assert found is not None
    assert found.folder.resolve() == runs / "same.unfinished"
    assert told == []


def test_a_state_of_something_else_is_told_and_left_out(runs):
    (runs / "other.unfinished").mkdir()
    StateFiles(runs / "other.unfinished" / STATE).save({"weights": []})
    told = []
    assert find(SETTINGS, None, told.append) is None
    assert told == [
        "runs/other.unfinished was left out: runs/other.unfinished/state.safetensors is not the "
        "state of a training"
    ]
    with pytest.raises(RunError, match="is not the state of a training"):
        Unfinished.open(runs / "other.unfinished", told.append)


def test_settings_that_are_unknown_are_told_and_left_out(runs):
    add(runs / "newer.unfinished", asked={"data": "digits", "magic": 1})
    told = []
    assert find(SETTINGS, None, told.append) is None
    assert told == ["runs/newer.unfinished was left out: unknown settings: magic"]


def test_a_folder_that_is_gone_is_an_error(runs):
    with pytest.raises(RunError, match=r"cannot read .*gone: No such file or directory"):
        Unfinished.open(runs / "gone", print)
