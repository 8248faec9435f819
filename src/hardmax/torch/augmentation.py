"""Augmentation on the device: what ``Augmentation.apply`` calls to change a batch of images."""

import torch

from hardmax.data.images.augmentation import COLUMNS, LUMA, ROWS

__all__ = ["cut", "mixed", "moved", "recolored"]


def moved(images: torch.Tensor, changes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return images of ``size``, whose rows and columns of pixels are at places of the original.

    ``images``: float32 (n, channels, height, width); ``changes``: float32 (n, 4). Between
    pixels of the original, values are interpolated linearly.
    """
    by_column = _lines_at(images.permute(0, 3, 1, 2), changes[:, COLUMNS], size[1])
    return _lines_at(by_column.permute(0, 3, 2, 1), changes[:, ROWS], size[0]).transpose(1, 2)


def _lines_at(images: torch.Tensor, changes: torch.Tensor, count: int) -> torch.Tensor:
    """Return images whose ``count`` lines, along the second axis, are at places of the original."""
    last = images.shape[1] - 1
    lines = torch.arange(count, device=changes.device)
    reflected = last - (last - (changes[:, :1] + changes[:, 1:] * lines).abs()).abs()
    places = reflected.clamp(0, last)
    before = places.long()
    after = (before + 1).clamp(max=last)
    examples = torch.arange(len(images), device=changes.device)[:, None]
    share = (places - before)[:, :, None, None]
    return torch.lerp(images[examples, before], images[examples, after], share)


def recolored(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Return the sum of images, their luma and its mean, each times its factor, in [0, 1].

    ``factors``: float32 (n, 3).
    """
    own, gray, flat = factors.T[:, :, None, None, None]
    weights = torch.tensor(LUMA[images.shape[1]], device=images.device)
    luma = (images * weights[:, None, None]).sum(dim=1, keepdim=True)
    mean = luma.mean(dim=(2, 3), keepdim=True)
    return (own * images + gray * luma + flat * mean).clamp(0, 1)


def cut(images: torch.Tensor, bounds: torch.Tensor) -> torch.Tensor:
    """Return images with the mean of each in a box, whose ``bounds`` are float32 (n, 4)."""
    top, bottom, left, right = bounds.T[:, :, None]
    rows, columns = (torch.arange(side, device=bounds.device) for side in images.shape[2:])
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    inside = in_rows[:, None, :, None] & in_columns[:, None, None]
    return torch.where(inside, images.mean(dim=(2, 3), keepdim=True), images)


def mixed(
    images: torch.Tensor, labels: torch.Tensor, share: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each image mixed with one from the reversed batch, and the labels of both.

    ``labels`` have weights, (n, 1, 3), and become (n, 2, 3); ``share``: float32 (n, 1).
    """
    shares = torch.stack([share, 1 - share], dim=1)
    both = torch.cat([labels, labels.flip(0)], dim=1)
    labels = torch.cat([both[:, :, :1], both[:, :, 1:] * shares], dim=2)
    return torch.lerp(images.flip(0), images, share[:, :, None, None]), labels
