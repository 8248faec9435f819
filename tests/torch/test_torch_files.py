"""Files of weights that PyTorch wrote before version 1.6, read without it."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hardmax.errors import DataError
from hardmax.networks.torch_files import read_torch_file

shapes = st.lists(st.integers(0, 4), max_size=4)
types = st.sampled_from([torch.float32, torch.int64])


def saved(tensors):
    """Return the bytes of a file in the format of that time."""
    file = io.BytesIO()
    torch.save(tensors, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@given(st.dictionaries(st.text(max_size=8), st.tuples(shapes, types), max_size=5))
def test_tensors_are_read_by_name_in_their_order(described):
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name: (100 * torch.randn(shape, generator=generator)).to(kind)
        for name, (shape, kind) in described.items()
    }
    found = read_torch_file(saved(tensors), "weights.pth")
    assert [*found] == [*tensors]
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[name], tensor.numpy(), strict=True)


def test_tensors_that_share_elements_are_read():
    whole = torch.arange(24.0).reshape(4, 6)
    tensors = {"whole": whole, "part": whole[1:3, ::2], "turned": whole.T}
    found = read_torch_file(saved(tensors), "weights.pth")
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_a_tensor_larger_than_its_storage_is_refused():
    content = saved({"weight": torch.zeros(1).expand(1000, 1000)})
    with pytest.raises(DataError, match="more elements than its storage"):
        read_torch_file(content, "weights.pth")


def test_what_only_pytorch_can_read_is_refused():
    with pytest.raises(DataError, match=r"it would execute torch\.HalfStorage"):
        read_torch_file(saved({"weight": torch.zeros(2).half()}), "weights.pth")
    content = saved({"weight": torch.arange(100.0)})
    with pytest.raises(DataError, match="is not a file of weights"):
        read_torch_file(content[:-10], "weights.pth")
