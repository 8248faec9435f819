"""Augmentation on the device: changes a batch of images as drawn in NumPy."""

import torch

__all__ = ["augmented"]


def augmented(images: torch.Tensor, changes: torch.Tensor) -> torch.Tensor:
    """Return images, float32 (n, channels, height, width), changed as ``Augmentation.draw`` says.

    ``changes``: float32 (n, 4). Pixels between those of the original are interpolated linearly.
    """
    first_row, between_rows, first_column, between_columns = changes.unbind(dim=1)
    rows = _weights(first_row, between_rows, images.shape[2])[:, None]
    columns = _weights(first_column, between_columns, images.shape[3])[:, None]
    return rows @ images @ columns.transpose(2, 3)


def _weights(first: torch.Tensor, between: torch.Tensor, size: int) -> torch.Tensor:
    """Return the weights of the original pixels of an axis, (n, size, size), in each new pixel."""
    pixels = torch.arange(size, dtype=first.dtype, device=first.device)
    places = (first[:, None] + between[:, None] * pixels).abs()
    reflected = (size - 1) - ((size - 1) - places).abs()
    return torch.relu(1 - (reflected[:, :, None] - pixels).abs())
