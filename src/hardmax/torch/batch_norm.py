"""BatchNorm, also over batches of which several processes have a share each."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules import batchnorm

from hardmax.networks.layers import MOMENTUM

__all__ = [
    "BatchNorm",
    "LazyBatchNorm",
    "LazyFrozenBatchNorm",
    "normalize_whole_batches",
    "normalizing_shares",
]


class BatchNorm(nn.BatchNorm2d):
    """Normalizes images or vectors; the running variance is biased.

    PyTorch's BatchNorm multiplies it by n / (n - 1), and rejects a batch of one.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor
    is_frozen = False

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the normalized images or vectors."""
        mean, var, weight, bias = self.running_mean, self.running_var, self.weight, self.bias
        if self.is_frozen or not self.training:
            return nn.functional.batch_norm(X, mean, var, weight, bias, eps=self.eps)
        out, batch_mean, inv_std = torch.native_batch_norm(
            X, weight, bias, None, None, True, 0.0, self.eps
        )
        with torch.no_grad():
            self.update(batch_mean, (inv_std**-2 - self.eps).clamp_(0))
        return out

    def update(self, mean: torch.Tensor, var: torch.Tensor) -> None:
        """Update the running statistics by those of a batch."""
        self.running_mean.lerp_(mean, 1 - MOMENTUM)
        self.running_var.lerp_(var, 1 - MOMENTUM)


class FrozenBatchNorm(BatchNorm):
    """Normalizes by the running statistics, also in training."""

    is_frozen = True


class LazyFrozenBatchNorm(nn.LazyBatchNorm2d, FrozenBatchNorm):
    """A FrozenBatchNorm that creates its weights when it sees its first inputs."""

    cls_to_become = FrozenBatchNorm


class LazyBatchNorm(nn.LazyBatchNorm2d, BatchNorm):
    """A BatchNorm that creates its weights when it sees its first inputs."""

    cls_to_become = BatchNorm


# Several processes

#: The forward methods of layers that can normalize whole batches.
KNOWN = (BatchNorm.forward, nn.BatchNorm2d.forward)


def normalize_whole_batches(model: nn.Module, counts: Callable[[], bool]) -> list[nn.Module]:
    """Let a model's BatchNorm layers normalize whole batches in training, as in one process.

    ``counts`` returns whether this process's part of the batch counts, or only stands in for an
    empty share. Returns the changed layers, of which each has a ``forward`` of its own to delete.
    PyTorch's SyncBatchNorm does the same, but only on GPUs.
    """
    layers = [layer for layer in model.modules() if type(layer).forward in KNOWN]
    for layer in layers:
        layer.forward = _Forward(layer, counts)
    return layers


def normalizing_shares(model: nn.Module) -> set[str]:
    """Return the names of a model's kinds of BatchNorm that see only a share of each batch."""
    kinds = {type(layer) for layer in model.modules()}
    known = (*KNOWN, nn.SyncBatchNorm.forward)
    return {
        kind.__name__
        for kind in kinds
        if issubclass(kind, batchnorm._BatchNorm) and kind.forward not in known
    }


class _Forward:
    """The forward of a BatchNorm layer that in training normalizes whole batches."""

    def __init__(self, layer: Any, counts: Callable[[], bool]):
        self.layer, self.counts = layer, counts

    def __call__(self, X: torch.Tensor) -> torch.Tensor:
        layer = self.layer
        is_own = isinstance(layer, BatchNorm)
        if not layer.training or (is_own and layer.is_frozen):
            return type(layer).forward(layer, X)
        if not is_own:
            layer._check_input_dim(X)
        out, mean, var, n = _Normalization.apply(
            X, layer.weight, layer.bias, layer.eps, self.counts()
        )
        with torch.no_grad():
            if is_own:
                layer.update(mean, var)
            elif layer.running_mean is not None:
                _update(layer, mean, var * (n / (n - 1).clamp(min=1)))
        return out

    def __reduce__(self) -> Any:
        """A copy of the layer, which may be used in one process alone, has its usual forward."""
        return getattr, (self.layer, "forward")


def _update(layer: Any, mean: torch.Tensor, var: torch.Tensor) -> None:
    """Update the running statistics of a layer of PyTorch's as it does itself."""
    layer.num_batches_tracked.add_(1)
    share = 1 / layer.num_batches_tracked if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean.to(layer.running_mean.dtype), share)
    layer.running_var.lerp_(var.to(layer.running_var.dtype), share)


class _Normalization(torch.autograd.Function):
    """Normalizes the whole batch, of which each process has a share X.

    Returns that of X, and of the whole batch the mean and the biased variance of each channel, and
    the number of values.
    """

    @staticmethod
    def forward(ctx: Any, X: Any, weight: Any, bias: Any, eps: float, counts: bool) -> Any:
        mean, var = torch.batch_norm_update_stats(X, None, None, 0.0)
        count = mean.new_tensor([X.numel() // len(mean)])
        # In float64, in which the mean of squares minus the square of the mean is exact enough.
        mean, var, count = mean.double(), var.double(), count.double()
        sums = torch.cat([count * mean, count * (var + mean**2), count])
        sums = _summed(sums, counts)
        n = sums[-1]
        mean, squares = (sums[:-1] / n).chunk(2)
        var = (squares - mean**2).clamp_(0)
        kind = torch.promote_types(X.dtype, torch.float32)
        mean, var, n = mean.to(kind), var.to(kind), n.to(kind)
        if weight is not None:  # it may be bfloat16
            weight, bias = weight.to(kind), bias.to(kind)
        ctx.save_for_backward(X, weight, mean, var, n)
        ctx.mark_non_differentiable(mean, var, n)
        ctx.eps, ctx.counts = eps, counts
        out = nn.functional.batch_norm(X, mean, var, weight, bias, False, 0.0, eps)
        return out, mean, var, n

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        X, weight, mean, var, n = ctx.saved_tensors
        gradient = gradients[0]
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, X, weight, mean, var, None, None, False, ctx.eps, [False, True, True]
        )
        of_X = None
        if ctx.needs_input_grad[0]:
            sums = _summed(torch.cat([of_weight, of_bias]), ctx.counts)
            by_weight, by_bias = (sums / n).chunk(2)
            inverse = (var + ctx.eps).rsqrt()
            scale = inverse if weight is None else inverse * weight
            slope = scale * inverse * by_weight
            # S. Ioffe and C. Szegedy, "Batch Normalization", ICML 2015, in terms of X.
            shape = (1, -1, *[1] * (X.dim() - 2))
            offset, slope, scale = (
                one.view(shape) for one in (slope * mean - scale * by_bias, slope, scale)
            )
            of_X = torch.addcmul(offset, X, slope, value=-1).addcmul_(gradient, scale)
        affine = weight is not None
        return of_X, of_weight if affine else None, of_bias if affine else None, None, None


def _summed(values: torch.Tensor, counts: bool) -> torch.Tensor:
    """Return the sums of the processes' values, of which these count or not."""
    if not counts:
        values.zero_()
    dist.all_reduce(values)
    return values
