"""The convolutional networks of the catalog, and their blocks."""

from math import log2

from hardmax.errors import ArgumentError
from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Pool,
    Residual,
    Sequence,
)
from hardmax.networks.shapes import Shape

__all__ = [
    "RESNET18",
    "RESNET34",
    "alexnet",
    "densenet",
    "googlenet",
    "lenet",
    "modern_lenet",
    "nin",
    "regnetx32",
    "residual_block",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnext_block",
    "small_resnet",
    "vgg11",
]

RELU = Activation("relu")

#: The blocks in each stage of ResNet-18, and of ResNet-34 and ResNet-50.
RESNET18, RESNET34 = (2, 2, 2, 2), (3, 4, 6, 3)


def lenet(classes: int) -> Network:
    """Return the book's LeNet-5, with sigmoids and average pooling.

    Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """
    return _lenet(classes, Activation("sigmoid"), Pool("average", 2, 2))


def modern_lenet(classes: int) -> Network:
    """Return LeNet-5 with ReLU and max pooling."""
    return _lenet(classes, RELU, Pool("max", 2, 2))


def _lenet(classes: int, activation: Layer, pool: Layer) -> Network:
    convolutional: Network = (
        Conv(6, 5, padding=2),
        activation,
        pool,
        Conv(16, 5),
        activation,
        pool,
    )
    dense: Network = (Linear(120), activation, Linear(84), activation, Linear(classes))
    return (*convolutional, Flatten(), *dense)


def alexnet(classes: int) -> Network:
    """Return AlexNet. A. Krizhevsky et al., "ImageNet classification", NIPS 2012."""
    pool = Pool("max", 3, 2)
    return (
        *(Conv(96, 11, stride=4, padding=1), RELU, pool),
        *(Conv(256, 5, padding=2), RELU, pool),
        *(Conv(384, 3, padding=1), RELU),
        *(Conv(384, 3, padding=1), RELU),
        *(Conv(256, 3, padding=1), RELU, pool),
        Flatten(),
        *_dense(classes),
    )


def _dense(classes: int) -> Network:
    """Return the two wide hidden layers of AlexNet and VGG, and the output layer."""
    hidden = (Linear(4096), RELU, Dropout(0.5))
    return (*hidden, *hidden, Linear(classes))


def vgg11(classes: int) -> Network:
    """Return VGG-11. K. Simonyan and A. Zisserman, ICLR 2015, configuration A."""
    blocks = []
    for convolutions, outputs in ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)):
        layers = (Conv(outputs, 3, padding=1), RELU) * convolutions
        blocks.append(Sequence((*layers, Pool("max", 2, 2))))
    return (*blocks, Flatten(), *_dense(classes))


def nin(classes: int) -> Network:
    """Return Network in Network. M. Lin et al., ICLR 2014."""
    pool = Pool("max", 3, 2)
    return (
        *(_nin_block(Conv(96, 11, stride=4)), pool),
        *(_nin_block(Conv(256, 5, padding=2)), pool),
        *(_nin_block(Conv(384, 3, padding=1)), pool),
        Dropout(0.5),
        _nin_block(Conv(classes, 3, padding=1)),
        GlobalPool(),
    )


def _nin_block(conv: Conv) -> Sequence:
    """Return a convolution followed by two 1x1 convolutions."""
    pointwise = (Conv(conv.outputs, 1), RELU)
    return Sequence((conv, RELU, *pointwise, *pointwise))


#: GoogLeNet's Inception blocks: the output channels of the four branches' convolutions.
INCEPTIONS = (
    ((64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64)),
    (
        (192, (96, 208), (16, 48), 64),
        (160, (112, 224), (24, 64), 64),
        (128, (128, 256), (24, 64), 64),
        (112, (144, 288), (32, 64), 64),
        (256, (160, 320), (32, 128), 128),
    ),
    ((256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128)),
)


def googlenet(classes: int) -> Network:
    """Return GoogLeNet without its auxiliary classifiers. C. Szegedy et al., CVPR 2015."""
    pool = Pool("max", 3, 2, padding=1)
    layers: list[Layer] = [Conv(64, 7, stride=2, padding=3), RELU, pool]
    layers += [Conv(64, 1), RELU, Conv(192, 3, padding=1), RELU]
    for blocks in INCEPTIONS:
        layers += [pool, *(_inception(*sizes) for sizes in blocks)]
    return (*layers, GlobalPool(), Linear(classes))


def _inception(one: int, three: tuple[int, int], five: tuple[int, int], pooled: int) -> Concat:
    """Return an Inception block: parallel convolutions of several sizes."""
    return Concat(
        (
            (Conv(one, 1), RELU),
            (Conv(three[0], 1), RELU, Conv(three[1], 3, padding=1), RELU),
            (Conv(five[0], 1), RELU, Conv(five[1], 5, padding=2), RELU),
            (Pool("max", 3, 1, padding=1), Conv(pooled, 1), RELU),
        )
    )


def resnet18(classes: int) -> Network:
    """Return ResNet-18. K. He et al., "Deep residual learning", CVPR 2016."""
    return _resnet(classes, RESNET18)


def resnet34(classes: int) -> Network:
    """Return ResNet-34, from the same paper."""
    return _resnet(classes, RESNET34)


def resnet50(classes: int) -> Network:
    """Return ResNet-50, from the same paper, with the strides in the 3x3 convolutions."""
    return _resnet(classes, RESNET34, has_bottlenecks=True)


def _resnet(classes: int, counts: tuple[int, ...], has_bottlenecks: bool = False) -> Network:
    """Return a ResNet; ``counts`` are the blocks in each of its stages."""
    blocks = []
    for stage, count in enumerate(counts):
        width, stride = 64 * 2**stage, 1 if stage == 0 else 2
        if has_bottlenecks:
            blocks.append(resnext_block(4 * width, 1, width, True, stride))
            blocks += [resnext_block(4 * width, 1, width)] * (count - 1)
        else:
            blocks.append(residual_block(width, stride > 1, stride))
            blocks += [residual_block(width)] * (count - 1)
    stem = (*_normed(Conv(64, 7, stride=2, padding=3, bias=False)), RELU)
    return (*stem, Pool("max", 3, 2, padding=1), *blocks, GlobalPool(), Linear(classes))


def small_resnet(
    classes: int, input_shape: Shape = (32, 32, 3), widths: tuple[int, ...] = (32, 64, 128)
) -> Network:
    """Return a small residual network, for images of any size in (height, width, channels).

    Convolutions of stride 2 first halve the image until its shorter side has about 16 pixels, or
    twice as many for each width beyond three. Then come residual blocks with ``widths`` channels,
    each but the first with half as many rows and columns as the one before. Raises ArgumentError
    without any widths.
    """
    if not widths:
        raise ArgumentError("a small-resnet needs a width for each of its blocks, got none")
    kept = max(len(widths) - 3, 0)
    halvings = max(round(log2(min(input_shape[:2]) / 16)) - kept, 0)
    strides = (2,) * halvings or (1,)
    stem = [
        layer
        for stride in strides
        for layer in (*_normed(Conv(widths[0], 3, stride, padding=1, bias=False)), RELU)
    ]
    first, *others = widths
    blocks = [residual_block(first), *(residual_block(outputs, True, 2) for outputs in others)]
    return (*stem, *blocks, GlobalPool(), Linear(classes))


def _normed(conv: Conv) -> Network:
    """Return a convolution and its BatchNorm, which makes the convolution's bias redundant."""
    return (conv, BatchNorm())


def residual_block(outputs: int, project: bool = False, stride: int = 1) -> Sequence:
    """Return ResNet's block of two convolutions; ``project`` puts a 1x1 one on the shortcut."""
    body = (
        *(*_normed(Conv(outputs, 3, stride, padding=1, bias=False)), RELU),
        *_normed(Conv(outputs, 3, padding=1, bias=False)),
    )
    return Sequence((Residual(body, _projection(outputs, project, stride)), RELU))


def _projection(outputs: int, project: bool, stride: int) -> Network:
    return _normed(Conv(outputs, 1, stride, bias=False)) if project else ()


def densenet(classes: int) -> Network:
    """Return a DenseNet of four blocks of four convolutions, each adding 32 channels.

    G. Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """
    growth, convolutions, channels = 32, 4, 64
    layers: list[Layer] = [*_normed(Conv(channels, 7, stride=2, padding=3, bias=False)), RELU]
    layers.append(Pool("max", 3, 2, padding=1))
    for last in (False, False, False, True):
        branch: Network = (BatchNorm(), RELU, Conv(growth, 3, padding=1, bias=False))
        layers += [Concat(((), branch))] * convolutions
        channels += growth * convolutions
        if not last:
            channels //= 2
            layers += [BatchNorm(), RELU, Conv(channels, 1, bias=False), Pool("average", 2, 2)]
    return (*layers, BatchNorm(), RELU, GlobalPool(), Linear(classes))


def regnetx32(classes: int) -> Network:
    """Return RegNetX-32. I. Radosavovic et al., "Designing network design spaces", CVPR 2020."""
    stem = (*_normed(Conv(32, 3, stride=2, padding=1, bias=False)), RELU)
    blocks = []
    for depth, outputs in ((4, 32), (6, 80)):
        blocks.append(resnext_block(outputs, outputs // 16, outputs, True, 2))
        blocks += [resnext_block(outputs, outputs // 16, outputs)] * (depth - 1)
    return (*stem, *blocks, GlobalPool(), Linear(classes))


def resnext_block(
    outputs: int, groups: int, bottleneck: int, project: bool = False, stride: int = 1
) -> Sequence:
    """Return ResNeXt's block: a grouped 3x3 convolution between two 1x1 convolutions.

    The grouped one has ``bottleneck`` channels; ``project`` puts a 1x1 convolution on the
    shortcut. S. Xie et al., CVPR 2017.
    """
    grouped = Conv(bottleneck, 3, stride, padding=1, groups=groups, bias=False)
    body = (
        *(*_normed(Conv(bottleneck, 1, bias=False)), RELU),
        *(*_normed(grouped), RELU),
        *_normed(Conv(outputs, 1, bias=False)),
    )
    return Sequence((Residual(body, _projection(outputs, project, stride)), RELU))
