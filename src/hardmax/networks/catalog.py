"""The catalog of named networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hardmax.checks import check_choice
from hardmax.errors import ArgumentError
from hardmax.networks.convolutional import (
    alexnet,
    densenet,
    googlenet,
    lenet,
    modern_lenet,
    nin,
    regnetx32,
    resnet18,
    resnet34,
    resnet50,
    small_resnet,
    vgg11,
)
from hardmax.networks.layers import (
    Activation,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Network,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Scale,
)
from hardmax.networks.mobile import efficientnet_lite0, mobilenetv2
from hardmax.networks.shapes import Shape, fitted, output_shape

__all__ = [
    "NETWORKS",
    "check_name",
    "check_options",
    "make",
    "mlp",
    "realmlp",
    "recipe",
    "softmax_regression",
    "suited",
]


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


@dataclass(frozen=True)
class Named:
    """A named network: its constructor, the initializer of its weights, its option names.

    ``recipe`` has the settings that a training of this network takes if they are not given;
    default batch sizes aim at ``steps`` per epoch. If ``is_sized``, the constructor receives the
    shape of the inputs too. ``convolves`` is whether it has convolutions.
    """

    network: Callable[..., Network]
    init: str = "he"
    options: tuple[str, ...] = ()
    recipe: Mapping[str, object] = field(default_factory=dict)
    steps: int = 64
    is_sized: bool = False
    convolves: bool = True


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

#: The training of a small residual network, whose learning rate suits small batches.
SMALL_RESNET = {
    "lr": 0.05,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "one-cycle",
}

#: The training of LeNet with sigmoids, from initial weights that center and scale every layer.
LENET = {"lr": 0.05, "momentum": 0.9, "schedule": "one-cycle"}

#: That of LeNet with ReLU, which diverges at such rates of SGD, and of the ResNets, which learn
#: from few images in fewer epochs than with SGD.
ADAM = {"optimizer": "adam", "lr": 1e-3, "schedule": "one-cycle"}

#: That of narrow networks with BatchNorm, in batches that may be as small as 16.
NARROW = {**SMALL_RESNET, "lr": 0.025}

#: The training of large networks without BatchNorm, whose gradients differ much between layers.
WITHOUT_BATCHNORM = {**ADAM, "lr": 3e-4}

#: The training of the last layer of a pretrained network, on the features of the others.
HEAD: Mapping[str, Any] = {
    "optimizer": "adamw",
    "lr": 1e-3,
    "weight_decay": 0.01,
    "schedule": "one-cycle",
    "epochs": 30,
    "channels": 3,
}

#: The training of all layers of a pretrained network, after that of the last one.
FINETUNING = {
    **HEAD,
    "lr": 5e-4,
    "epochs": 5,
    "batch_size": 32,
    "augment": "auto",
}

#: The settings that suit one optimizer and no other.
OF_OPTIMIZER = ("lr", "momentum")

NETWORKS: dict[str, Named] = {
    "softmax-regression": Named(softmax_regression, "normal", convolves=False),
    "mlp": Named(mlp, "normal", ("hidden", "activation", "dropout"), convolves=False),
    "realmlp": Named(
        realmlp,
        "data",
        ("hidden", "dropout", "embedded", "bins"),
        REALMLP,
        steps=16,
        convolves=False,
    ),
    "small-resnet": Named(small_resnet, options=("widths",), recipe=SMALL_RESNET, is_sized=True),
    "lenet": Named(lenet, "data", recipe=LENET),
    "lenet-modern": Named(modern_lenet, recipe=ADAM),
    "alexnet": Named(alexnet, recipe=WITHOUT_BATCHNORM),
    "vgg11": Named(vgg11, recipe=WITHOUT_BATCHNORM),
    "nin": Named(nin, "data", recipe=WITHOUT_BATCHNORM),
    "googlenet": Named(googlenet, recipe=WITHOUT_BATCHNORM),
    "resnet18": Named(resnet18, recipe=ADAM),
    "resnet34": Named(resnet34, recipe=ADAM),
    "resnet50": Named(resnet50, recipe=ADAM),
    "densenet": Named(densenet, recipe=NARROW),
    "regnetx32": Named(regnetx32, recipe=NARROW),
    "mobilenetv2": Named(mobilenetv2, recipe=SMALL_RESNET, steps=24),
    "efficientnet-lite0": Named(efficientnet_lite0, recipe=SMALL_RESNET, steps=24, is_sized=True),
}


def recipe(name: object, *, folds: bool = False, optimizer: object = None) -> Mapping[str, object]:
    """Return the settings that a training of the network of that name takes if they are not given.

    The same as ``suited``. Empty for an unknown name.
    """
    found = NETWORKS[name].recipe if isinstance(name, str) and name in NETWORKS else {}
    return suited(found, folds=folds, optimizer=optimizer)


def suited(found: Mapping[str, object], *, folds: bool, optimizer: object) -> Mapping[str, object]:
    """Return the settings of a recipe that suit what is given.

    With ``folds`` it has no validation set of its own; with another ``optimizer`` than its own, if
    one is given, it has no learning rate and no momentum of its own.
    """
    left_out: tuple[str, ...] = ("validation", "patience") if folds else ()
    if optimizer not in (None, found.get("optimizer", "sgd")):
        left_out += OF_OPTIMIZER
    return {key: found[key] for key in found if key not in left_out}


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
    named = NETWORKS[name]
    size = {"input_shape": input_shape} if named.is_sized else {}
    network = named.network(classes, **size, **options)
    try:
        network = fitted(network, input_shape)
        output_shape(network, input_shape)
    except ArgumentError as error:
        raise ArgumentError(f"model {name} does not fit inputs of {input_shape}: {error}") from None
    return network
