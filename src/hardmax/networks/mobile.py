"""Networks of inverted residual blocks, which were made for mobile devices."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from hardmax.networks import layers
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
)
from hardmax.networks.shapes import Shape

__all__ = ["LITE0", "MOBILENETV2", "efficientnet_lite0", "mobilenetv2"]

#: Their stages: blocks, kernel, stride of the first block, expansion, output channels.
LITE0 = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
MOBILENETV2 = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (3, 3, 2, 6, 32),
    (4, 3, 2, 6, 64),
    (3, 3, 1, 6, 96),
    (3, 3, 2, 6, 160),
    (1, 3, 1, 6, 320),
)

#: The output channels of the first and of the last convolution.
FIRST, LAST = 32, 1280

RELU6 = Activation("relu6")

#: Returns a convolution of images of (height, width), padded, and its BatchNorm.
Normed = Callable[[Conv, Shape], Network]


def efficientnet_lite0(classes: int, input_shape: Shape = (224, 224, 3)) -> Network:
    """Return EfficientNet-Lite0, for images of any size in (height, width, channels).

    M. Tan and Q. Le, "EfficientNet", ICML 2019, in the variant without squeeze-and-excitation and
    with ReLU6.
    """
    return _mobile(classes, LITE0, _normed_same, input_shape[:2])


def mobilenetv2(classes: int) -> Network:
    """Return MobileNetV2. M. Sandler et al., CVPR 2018."""
    return _mobile(classes, MOBILENETV2, _normed, ())


def _mobile(
    classes: int, stages: Sequence[tuple[int, ...]], normed: Normed, sides: Shape
) -> Network:
    first: list[Layer] = [*normed(Conv(FIRST, 3, 2, bias=False), sides), RELU6]
    sides, channels, blocks = _halved(sides), FIRST, []
    for count, kernel, stride, expansion, outputs in stages:
        for step in (stride, *(1,) * (count - 1)):
            conv = Conv(outputs, kernel, step)
            blocks.append(_block(channels, expansion, conv, normed=normed, sides=sides))
            sides = _halved(sides) if step == 2 else sides
            channels = outputs
    last = (*normed(Conv(LAST, 1, bias=False), sides), RELU6)
    return (*first, *blocks, *last, GlobalPool(), Dropout(0.2), Linear(classes))


def _block(
    channels: int, expansion: int, conv: Conv, *, normed: Normed, sides: Shape
) -> layers.Sequence:
    """Return an inverted residual block; ``conv`` has its outputs, kernel and stride."""
    hidden = channels * expansion
    expanded = () if expansion == 1 else (*normed(Conv(hidden, 1, bias=False), sides), RELU6)
    depthwise = Conv(hidden, conv.kernel, conv.stride, groups=hidden, bias=False)
    body = (
        *expanded,
        *(*normed(depthwise, sides), RELU6),
        *normed(Conv(conv.outputs, 1, bias=False), sides),
    )
    has_shortcut = conv.stride == 1 and conv.outputs == channels
    return layers.Sequence((Residual(body),) if has_shortcut else body)


def _normed(conv: Conv, sides: Shape) -> Network:
    return (replace(conv, padding=conv.kernel // 2), BatchNorm())


def _normed_same(conv: Conv, sides: Shape) -> Network:
    """Return a convolution padded as TensorFlow does, and its BatchNorm.

    The output has 1 / stride of the rows and columns, rounded up. Where an odd number of zeros is
    needed for that, there is one more below and on the right, and the weights expect it so.
    """
    added = [max(conv.kernel - 1 - (side - 1) % conv.stride, 0) for side in sides]
    rows, columns = ((zeros // 2, zeros - zeros // 2) for zeros in added)
    norm = BatchNorm(epsilon=1e-3)
    if len({*rows, *columns}) == 1:
        return (replace(conv, padding=rows[0]), norm)
    return (Pad(rows, columns), conv, norm)


def _halved(sides: Shape) -> Shape:
    return tuple(-(-side // 2) for side in sides)
