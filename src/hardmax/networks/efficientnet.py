"""EfficientNet-Lite0, whose pretrained weights can be had; see ``pretrained``."""

from dataclasses import replace

from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Pad,
    Residual,
    Sequence,
)
from hardmax.networks.shapes import Shape

__all__ = ["efficientnet_lite0"]

#: Its stages: blocks, kernel, stride of the first block, expansion, output channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

#: The output channels of the first and of the last convolution.
FIRST, LAST = 32, 1280

#: BatchNorm's epsilon.
EPSILON = 1e-3

RELU6 = Activation("relu6")


def efficientnet_lite0(classes: int, input_shape: Shape = (224, 224, 3)) -> Network:
    """Return EfficientNet-Lite0, for images of any size in (height, width, channels).

    M. Tan and Q. Le, "EfficientNet", ICML 2019, in the variant without squeeze-and-excitation and
    with ReLU6.
    """
    sides = input_shape[:2]
    layers: list[Layer] = [*_normed(Conv(FIRST, 3, 2, bias=False), sides), RELU6]
    sides, channels = _halved(sides), FIRST
    for blocks, kernel, stride, expansion, outputs in STAGES:
        layers.append(_block(channels, expansion, Conv(outputs, kernel, stride), sides))
        sides = _halved(sides) if stride == 2 else sides
        layers += [_block(outputs, expansion, Conv(outputs, kernel), sides)] * (blocks - 1)
        channels = outputs
    layers += (*_normed(Conv(LAST, 1, bias=False), sides), RELU6)
    return (*layers, GlobalPool(), Dropout(0.2), Linear(classes))


def _block(channels: int, expansion: int, conv: Conv, sides: Shape) -> Sequence:
    """Return an inverted residual block for images of ``sides`` (height, width).

    ``conv`` has its outputs, kernel and stride. M. Sandler et al., "MobileNetV2", CVPR 2018.
    """
    hidden = channels * expansion
    expanded = () if expansion == 1 else (*_normed(Conv(hidden, 1, bias=False), sides), RELU6)
    depthwise = Conv(hidden, conv.kernel, conv.stride, groups=hidden, bias=False)
    body = (
        *expanded,
        *(*_normed(depthwise, sides), RELU6),
        *_normed(Conv(conv.outputs, 1, bias=False), sides),
    )
    has_shortcut = conv.stride == 1 and conv.outputs == channels
    return Sequence((Residual(body),) if has_shortcut else body)


def _normed(conv: Conv, sides: Shape) -> Network:
    """Return a convolution of images of ``sides`` and its BatchNorm.

    The output has 1 / stride of the rows and columns, rounded up. Where an odd number of zeros is
    needed for that, TensorFlow adds one more below and on the right, and the weights expect it so.
    """
    added = [max(conv.kernel - 1 - (side - 1) % conv.stride, 0) for side in sides]
    rows, columns = ((zeros // 2, zeros - zeros // 2) for zeros in added)
    if len({*rows, *columns}) == 1:
        return (replace(conv, padding=rows[0]), BatchNorm(EPSILON))
    return (Pad(rows, columns), conv, BatchNorm(EPSILON))


def _halved(sides: Shape) -> Shape:
    return tuple(-(-side // 2) for side in sides)
