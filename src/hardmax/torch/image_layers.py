"""The layers that a pretrained network begins with: they take images."""

import torch
from torch import nn

from hardmax.networks.interpolation import interpolation

__all__ = ["Normalize", "Resize"]


class Resize(nn.Module):
    """Scales images to ``height`` x ``width`` pixels; see ``networks.interpolation``."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.size = height, width

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return images (examples, channels, height, width)."""
        rows, columns = (
            torch.tensor(interpolation(source, target), device=X.device)
            for source, target in zip(X.shape[2:], self.size, strict=True)
        )
        # bfloat16 would round the pixels before they are normalized.
        with torch.autocast(X.device.type, enabled=False):
            return rows @ X @ columns.T


class Normalize(nn.Module):
    """Returns (x - mean) / std, with a mean and a std for each channel."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            column = torch.tensor(values)[:, None, None]
            self.register_buffer(name, column, persistent=False)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return normalized images (examples, channels, height, width)."""
        return (X - self.mean) / self.std
