"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

import torch

__all__ = ["augmented"]


def augmented(images: torch.Tensor, changes: torch.Tensor) -> torch.Tensor:
    """Return images, float32 (n, channels, height, width), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    by_column = _moved(images.permute(0, 3, 1, 2), changes[:, 2:])
    return _moved(by_column.permute(0, 3, 2, 1), changes[:, :2]).transpose(1, 2)


def _moved(images: torch.Tensor, changes: torch.Tensor) -> torch.Tensor:
    """Return images whose lines, along the second axis, are those at places of the original."""
    last = images.shape[1] - 1
    lines = torch.arange(last + 1, device=changes.device)
    reflected = last - (last - (changes[:, :1] + changes[:, 1:] * lines).abs()).abs()
    places = reflected.clamp(0, last)
    before = places.long()
    after = (before + 1).clamp(max=last)
    examples = torch.arange(len(images), device=changes.device)[:, None]
    share = (places - before)[:, :, None, None]
    return torch.lerp(images[examples, before], images[examples, after], share)
