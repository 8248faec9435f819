"""Models of users, and devices, in several processes."""

import numpy as np
import process_fits
import pytest
import torch
import user_models
from process_fits import PROCESSES

from hardmax.errors import ArgumentError
from hardmax.torch import runtime

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone():
    return user_models.results()


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    return process_fits.together(user_models.__file__, tmp_path_factory.mktemp("together"))


@pytest.mark.parametrize("name", user_models.FITS)
def test_models_are_trained_as_in_one_process(name, alone, together):
    process_fits.assert_as_alone(name, alone, together, atol=1e-5)


def test_processes_have_random_numbers_of_their_own_also_after_resuming(together):
    masks = together["masks"].reshape(2 * PROCESSES, -1)
    assert len(np.unique(masks, axis=0)) == 2 * PROCESSES


def test_a_batch_norm_of_shares_is_warned_of(together):
    assert together["warned"].tolist() == [
        "OwnBatchNorm normalizes by the examples of each process alone, not of the whole batch, "
        "because its forward is not that of PyTorch's BatchNorm"
    ]


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
@pytest.mark.parametrize(("gpus", "own"), [(4, 2), (1, 0)])
def test_each_process_has_a_gpu_of_its_own(monkeypatch, name, gpus, own):
    variables = {"RANK": 6, "WORLD_SIZE": 8, "LOCAL_RANK": 2, "LOCAL_WORLD_SIZE": 4}
    variables |= {"MASTER_ADDR": "localhost", "MASTER_PORT": 29500}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, str(value))
    monkeypatch.setattr(runtime, "num_gpus", lambda: gpus)
    assert runtime.find_device(name) == torch.device("cuda", own)
    assert runtime.find_device("cpu") == torch.device("cpu")
    with pytest.raises(ArgumentError, match="choose auto or one of cuda:0, cpu"):
        runtime.find_device("cuda:1")
