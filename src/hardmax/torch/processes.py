"""Training in several processes that are started together, in PyTorch."""

import atexit
import warnings
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import is_lazy

from hardmax.errors import ArgumentError
from hardmax.frameworks import silenced
from hardmax.processes.environment import place
from hardmax.processes.group import Group, group
from hardmax.torch.batch_norm import normalizing_shares
from hardmax.torch.engine import Alone, Optimizer
from hardmax.torch.module import Module, evaluating
from hardmax.torch.runtime import draw_seed
from hardmax.training.contracts import Batches
from hardmax.training.loaders import first_batch
from hardmax.training.sharing import Share

__all__ = ["SHARES", "Trainer", "diverge_random_numbers", "join", "stand_in", "synchronize"]

#: Whether each process computes with its own share of each batch.
SHARES = True

#: The time that a process waits for others: they may have much to do alone, such as writing a
#: report, and the group ends this process if they end.
TIMEOUT = timedelta(days=7)


class Trainer(Protocol):
    """The trainer, as far as other processes are concerned."""

    model: Module
    optim: Optimizer
    run_device: torch.device
    train_dataloader: Batches[torch.Tensor]
    replica: Alone

    @property
    def share(self) -> Share:
        """This process's share of the batch that is being run."""

    def prepare_batch(self, batch: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return a batch's tensors on the run's device."""


@cache
def join() -> Group:
    """Join the other processes, if there are any, at the first call; return their group.

    Raises ArgumentError if that is impossible.
    """
    if place().size == 1:
        return group()
    # Before the group registers its own end, and hence after it at the exit: the others then know
    # that this process ends.
    atexit.register(_leave)
    joined = group()
    if not dist.is_available():
        raise ArgumentError("this build of PyTorch trains in one process; start one, or another")
    if not dist.is_initialized():
        with silenced():  # as Gloo tells about its connections
            _start()
            _consume_warning()
    return joined


def _start() -> None:
    """Start PyTorch's own communication."""
    has_gpus = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpus else "gloo", timeout=TIMEOUT)
    except RuntimeError as error:
        raise ArgumentError(
            f"PyTorch cannot connect the processes: {str(error).splitlines()[0]}; start all with "
            "the same MASTER_ADDR and MASTER_PORT, on a port that is free"
        ) from error


def _leave() -> None:
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _consume_warning() -> None:
    """Let PyTorch give, once per process, its advice to those who need not find unused parameters.

    Whether a model has some is known only after a fit, and looking for them takes little time.
    """
    # A layer whose weight is not drawn at random.
    layer = DistributedDataParallel(nn.PReLU(), find_unused_parameters=True)
    layer(torch.zeros(1)).backward()


def synchronize(trainer: Trainer) -> None:
    """Give all processes the weights of the first, and random numbers of their own.

    Raises ArgumentError if two processes are to run on one GPU, or if weights do not exist yet.
    """
    _check_devices(trainer.run_device)
    _create_weights(trainer)
    kinds = normalizing_shares(trainer.model)
    if kinds and join().is_first:
        warnings.warn(
            f"{', '.join(sorted(kinds))} normalizes by the examples of each process alone, not of "
            "the whole batch, because its forward is not that of PyTorch's BatchNorm",
            stacklevel=2,
        )
    from hardmax.torch.replicas import Replica  # which some builds of PyTorch cannot import

    trainer.replica = Replica(trainer)
    diverge_random_numbers()


def _check_devices(device: torch.device) -> None:
    """Raise ArgumentError unless all processes compute on CPUs, or each on a GPU of its own."""
    name = "cpu"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        name = str(torch.cuda.get_device_properties(device).uuid)
    names = join().gather(np.array([name], "U64")).tolist()
    if {*names} != {"cpu"} and ("cpu" in names or len({*names}) < len(names)):
        raise ArgumentError(
            f"{len(names)} processes cannot train on {len({*names} - {'cpu'})} GPUs; start as many "
            "as there are GPUs, with device='cuda', or train with device='cpu'"
        )


def _create_weights(trainer: Trainer) -> None:
    """Create the weights of lazy layers, which all processes must have before the first step.

    Raises ArgumentError if calling the model with a batch does not create them.
    """
    model = trainer.model
    if not _has_lazy(model):
        return
    batch = trainer.prepare_batch(first_batch(trainer.train_dataloader))
    with evaluating(model):
        model(*batch[:-1])
    if _has_lazy(model):
        raise ArgumentError(
            f"calling {type(model).__name__} with a batch does not create the weights of all its "
            "layers; create them before fit, as several processes start with the same ones"
        )


def _has_lazy(model: nn.Module) -> bool:
    return any(map(is_lazy, chain(nn.Module.parameters(model), model.buffers())))


def diverge_random_numbers() -> None:
    """Give each process random numbers of its own, if all have the same; the first keeps its."""
    rank = join().place.rank
    if rank > 0:
        torch.manual_seed(draw_seed() + rank)


def stand_in(batch: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Return a share of a batch; of an empty one, an example of zeros.

    All processes must take the same steps, and few models take a batch without examples.
    """
    if len(batch[-1]):
        return batch
    return tuple(array.new_zeros((1, *array.shape[1:])) for array in batch)
