"""MXNet's arrays and devices under the book's names."""

import mxnet as mx
from mxnet import np

from hardmax.training.devices import Devices

ones = np.ones
zeros = np.zeros
tensor = np.array
arange = np.arange
exp = np.exp
log = np.log
normal = np.random.normal
rand = np.random.rand
randn = np.random.randn
matmul = np.dot
float32 = np.float32
concat = np.concatenate
stack = np.stack
abs = np.abs
numpy = np.ndarray.asnumpy
reshape = np.ndarray.reshape
to = np.ndarray.as_in_ctx
reduce_sum = np.ndarray.sum
reduce_mean = np.ndarray.mean
argmax = np.ndarray.argmax
astype = np.ndarray.astype
transpose = np.transpose


def size(x: np.ndarray) -> int:
    """Return the number of elements of ``x``."""
    return x.size


def cpu() -> mx.Context:
    """Return the CPU."""
    return mx.cpu()


def gpu(i: int = 0) -> mx.Context:
    """Return GPU number ``i``, whether or not there is one."""
    return mx.gpu(i)


def num_gpus() -> int:
    """Return the number of GPUs."""
    return mx.context.num_gpus()


_devices = Devices(cpu, gpu, num_gpus)
try_gpu = _devices.try_gpu
try_all_gpus = _devices.try_all_gpus
