"""Running sums of several quantities."""

from typing import SupportsFloat

from hardmax.errors import ArgumentError

__all__ = ["Accumulator"]


class Accumulator:
    """Running sums of ``n`` quantities."""

    def __init__(self, n: int):
        self.data = [0.0] * n

    def add(self, *args: SupportsFloat) -> None:
        """Add one number (or scalar array) to each sum, in order."""
        if len(args) != len(self.data):
            raise ArgumentError(
                f"an Accumulator of {len(self.data)} sums takes {len(self.data)} numbers per "
                f"add(), got {len(args)}"
            )
        self.data = [total + float(value) for total, value in zip(self.data, args, strict=True)]

    def reset(self) -> None:
        """Set every sum to zero."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, idx: int) -> float:
        return self.data[idx]
