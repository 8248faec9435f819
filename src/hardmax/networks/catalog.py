"""The catalog of named networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hardmax.checks import check_choice
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
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Scale,
    Sequence,
)
from hardmax.networks.shapes import Shape, fitted, output_shape

__all__ = [
    "NETWORKS",
    "alexnet",
    "check_name",
    "check_options",
    "densenet",
    "googlenet",
    "lenet",
    "make",
    "mlp",
    "modern_lenet",
    "nin",
    "realmlp",
    "recipe",
    "regnetx32",
    "residual_block",
    "resnet18",
    "resnext_block",
    "softmax_regression",
    "vgg11",
]

RELU = Activation("relu")


# Networks for vectors


def softmax_regression(classes: int) -> Network:
    """Return softmax regression: one score per class, linear in the inputs."""
    return (Flatten(), Linear(classes))


def mlp(
    classes: int,
    hidden: tuple[int, ...] = (256,),
    activation: str = "relu",
    dropout: float = 0.0,
) -> Network:
    """Return a multilayer perceptron; ``hidden`` are the units of its hidden layers.

    Each hidden layer is followed by its activation and, if the rate is above 0, by dropout.
    """
    after_linear: Network = (Activation(activation), Dropout(dropout))[: 2 if dropout else 1]
    layers: list[Layer] = []
    for units in hidden:
        layers += [Linear(units), *after_linear]
    return (Flatten(), *layers, Linear(classes))


def realmlp(
    classes: int,
    hidden: tuple[int, ...] = (256, 256, 256),
    dropout: float = 0.15,
    embedded: tuple[int, ...] | None = None,
    bins: PiecewiseLinear | None = None,
) -> Network:
    """Return RealMLP, the network of REALMLP's recipe, for the rows of tables.

    ``embedded`` are the positions of the features that get periodic embeddings, by default all;
    ``bins`` is a piecewise linear encoding of features, which is no part of the authors' network.
    D. Holzmueller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024, with the defaults of RealMLP-TD.
    """
    after_linear: Network = (ParametricSELU(), Dropout(dropout, "flat-cos"))[: 2 if dropout else 1]
    embedding: Network = () if embedded == () else (PeriodicEmbedding(features=embedded),)
    layers: list[Layer] = [*embedding, *(() if bins is None else (bins,)), Scale()]
    for units in hidden:
        layers += [Linear(units), *after_linear]
    return (*layers, Linear(classes))


# Convolutional networks


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
    blocks = []
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [residual_block(outputs, stride > 1, stride), residual_block(outputs)]
    stem = (*_normed(Conv(64, 7, stride=2, padding=3, bias=False)), RELU)
    return (*stem, Pool("max", 3, 2, padding=1), *blocks, GlobalPool(), Linear(classes))


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


# Networks by name


@dataclass(frozen=True)
class Named:
    """A named network: its constructor, the initializer of its weights, its option names.

    ``recipe`` has the settings that a training of this network takes if they are not given;
    default batch sizes aim at ``steps`` per epoch.
    """

    network: Callable[..., Network]
    init: str = "he"
    options: tuple[str, ...] = ()
    recipe: Mapping[str, object] = field(default_factory=dict)
    steps: int = 64


#: The training of RealMLP: the epoch with the lowest validation loss, of all epochs.
REALMLP = {
    "optimizer": "adamw-ntk",
    "weight_decay": 0.02,
    "schedule": "coslog4",
    "label_smoothing": 0.1,
    "epochs": 64,
    "validation": 0.2,
    "patience": 64,
}

NETWORKS: dict[str, Named] = {
    "softmax-regression": Named(softmax_regression, "normal"),
    "mlp": Named(mlp, "normal", ("hidden", "activation", "dropout")),
    "realmlp": Named(realmlp, "data", ("hidden", "dropout", "embedded", "bins"), REALMLP, steps=16),
    "lenet": Named(lenet, "xavier"),
    "lenet-modern": Named(modern_lenet),
    "alexnet": Named(alexnet),
    "vgg11": Named(vgg11),
    "nin": Named(nin),
    "googlenet": Named(googlenet),
    "resnet18": Named(resnet18),
    "densenet": Named(densenet),
    "regnetx32": Named(regnetx32),
}


def recipe(name: object, *, folds: bool = False) -> Mapping[str, object]:
    """Return the settings that a training of the network of that name takes if they are not given.

    Empty for an unknown name. With ``folds`` it has no validation set of its own.
    """
    found = NETWORKS[name].recipe if isinstance(name, str) and name in NETWORKS else {}
    return {key: found[key] for key in found if not folds or key not in ("validation", "patience")}


def check_name(name: str) -> None:
    """Raise ArgumentError if no network has that name."""
    check_choice("model", name, NETWORKS)


def check_options(name: str, options: Mapping[str, object]) -> None:
    """Raise ArgumentError if the network of that name does not take these options."""
    for option in options:
        if option not in NETWORKS[name].options:
            models = [other for other, named in NETWORKS.items() if option in named.options]
            raise ArgumentError(
                f"model {name} does not take {option}; leave it out or use {', '.join(models)}"
            )
    NETWORKS[name].network(2, **options)


def make(name: str, input_shape: Shape, classes: int, **options: object) -> Network:
    """Return the network of that name for inputs of ``input_shape`` and ``classes`` classes.

    Layers that do not suit the size of their input are left out, as ``shapes.fitted`` says.
    Raises ArgumentError for an unknown name or option, or if the inputs do not fit.
    """
    check_name(name)
    check_options(name, options)
    network = NETWORKS[name].network(classes, **options)
    try:
        network = fitted(network, input_shape)
        output_shape(network, input_shape)
    except ArgumentError as error:
        raise ArgumentError(f"model {name} does not fit inputs of {input_shape}: {error}") from None
    return network
