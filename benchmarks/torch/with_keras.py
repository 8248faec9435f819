"""Keras on PyTorch."""

from unittest import mock

import torch

from benchmarks.task import Fit, Task
from benchmarks.torch.work import Order
from benchmarks.with_keras import fit


def keras_fit(task: Task) -> Fit:
    order = Order(task)
    # Keras shuffles with this class.
    with mock.patch.object(torch.utils.data, "RandomSampler", return_value=order):
        return fit(task, order)
