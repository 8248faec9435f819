"""The book's blocks, as values that a backend builds."""

from hardmax.networks import convolutional, layers

__all__ = ["resnext_block"]


def resnext_block(
    num_channels: int, groups: int, bot_mul: float, use_1x1conv: bool, strides: int
) -> layers.Sequence:
    """Return ResNeXt's block: ``num_channels * bot_mul`` channels in groups of ``groups``."""
    bottleneck = round(num_channels * bot_mul)
    return convolutional.resnext_block(
        num_channels, bottleneck // groups, bottleneck, use_1x1conv, strides
    )
