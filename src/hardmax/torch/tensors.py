"""PyTorch's tensors and devices under the book's names."""

import numpy as np
import torch

from hardmax.training.devices import Devices

ones = torch.ones
zeros = torch.zeros
tensor = torch.tensor
arange = torch.arange
exp = torch.exp
log = torch.log
normal = torch.normal
rand = torch.rand
randn = torch.randn
matmul = torch.matmul
float32 = torch.float32
concat = torch.cat
stack = torch.stack
abs = torch.abs
size = torch.Tensor.numel
reshape = torch.Tensor.reshape
to = torch.Tensor.to
reduce_sum = torch.Tensor.sum
reduce_mean = torch.Tensor.mean
argmax = torch.Tensor.argmax
astype = torch.Tensor.type
transpose = torch.Tensor.t


def numpy(x: torch.Tensor, *, force: bool = False) -> np.ndarray:
    """Return the values of ``x`` as a NumPy array of the same shape and type."""
    return x.detach().cpu().numpy(force=force)


def cpu() -> torch.device:
    """Return the CPU."""
    return torch.device("cpu")


def gpu(i: int = 0) -> torch.device:
    """Return GPU number ``i``, whether or not there is one."""
    return torch.device(f"cuda:{i}")


def num_gpus() -> int:
    """Return the number of GPUs."""
    return torch.cuda.device_count()


_devices = Devices(cpu, gpu, num_gpus)
try_gpu = _devices.try_gpu
try_all_gpus = _devices.try_all_gpus
