"""The gradients of several processes that have a share of each batch."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

from hardmax.torch.batch_norm import normalize_whole_batches
from hardmax.torch.engine import Alone
from hardmax.torch.module import Module, scratch_weights
from hardmax.training.sharing import Share

__all__ = ["Replica", "Trainer"]

Result = TypeVar("Result")


class Trainer(Protocol):
    """The trainer, as a replica sees it."""

    model: Module
    optim: Any

    @property
    def share(self) -> Share:
        """This process's share of the batch that is being run."""


class Replica(Alone):
    """This process's copy of the model, which is trained together with those of the others.

    Its gradients are those of the loss of the whole batch, the mean over its examples. They are
    computed by DistributedDataParallel, and of weights that it does not see, because these are
    plain tensors or were frozen, by a sum after it.
    """

    def __init__(self, trainer: Trainer):
        self.trainer = trainer
        computing = _Computing(trainer.model)
        seen = [weight for weight in computing.parameters() if weight.requires_grad]
        unseen = [*nn.Module.parameters(trainer.model), *_plain_weights(trainer)]
        ids = {id(weight) for weight in seen}
        self.unseen = [*{id(one): one for one in unseen if id(one) not in ids}.values()]
        for tensor in (*self.unseen, *trainer.model.buffers()):
            _broadcast(tensor.detach())
        self.norms = normalize_whole_batches(trainer.model, lambda: trainer.share.own > 0)
        self.computing: nn.Module = computing
        if seen:
            self.computing = self._distributed(computing)

    def _distributed(self, computing: nn.Module) -> DistributedDataParallel:
        """Return what computes a loss, and averages its gradients over the processes."""
        distributed = DistributedDataParallel(
            computing, find_unused_parameters=True, gradient_as_bucket_view=True
        )
        # The argument of that name has another one in newer versions.
        distributed.broadcast_buffers = False
        distributed.register_comm_hook(self, _averaged)
        return distributed

    def compute(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return what a function returns that computes a loss, the mean over this share."""
        result: Result = self.computing(function, *arguments)
        return result

    def backward(self, loss: torch.Tensor) -> None:
        """Compute the gradients of the whole batch from the loss of this process's share."""
        share, size = self.trainer.share, dist.get_world_size()
        # As the gradients are averaged over the processes.
        (loss * (size * share.own / share.whole)).backward()
        gradients = [one.grad for one in self.unseen if one.grad is not None]
        if gradients:
            with torch.no_grad():
                self._average(gradients)

    def _average(self, gradients: list[torch.Tensor]) -> None:
        """Average gradients over the processes."""
        joined = torch.cat([one.reshape(-1) for one in gradients])
        if not self.trainer.share.own:
            joined.zero_()
        dist.all_reduce(joined)
        parts = (joined / dist.get_world_size()).split([one.numel() for one in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def close(self) -> None:
        """End a fit: let the model be trained alone."""
        for norm in self.norms:
            del norm.forward

    def __reduce__(self) -> Any:
        """A copy of the trainer has none, as the other processes may not copy theirs."""
        return Alone, ()


class _Computing(nn.Module):
    """Calls functions that compute losses with the parameters of a model."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, function: Callable[..., object], *arguments: object) -> object:
        return function(*arguments)


def _averaged(replica: Replica, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """Return the means of gradients over the processes; those of an empty share are zero."""
    if not replica.trainer.share.own:
        # Also if they are NaN, because what stands in for the examples of the share is zero.
        bucket.buffer().zero_()
    group = dist.group.WORLD
    assert group is not None
    return default_hooks.allreduce_hook(group, bucket)


def _broadcast(tensor: torch.Tensor) -> None:
    """Give all processes the values that a tensor has in the first."""
    values = tensor.contiguous()
    dist.broadcast(values, 0)
    tensor.copy_(values)


def _plain_weights(trainer: Trainer) -> Iterator[torch.Tensor]:
    """Yield the weights that are no parameters of the model, but its own or the optimizer's."""
    for module in trainer.model.modules():
        yield from (weight for _, weight in scratch_weights(module))
    optim = trainer.optim
    # The book's SGD has no groups.
    groups = getattr(optim, "param_groups", [{"params": getattr(optim, "params", ())}])
    yield from chain.from_iterable(group["params"] for group in groups)
