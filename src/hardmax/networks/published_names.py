"""The names of the layers of published networks, in the order of the layers.

The weights of a layer are named after it, such as ``conv1.weight``.
"""

from collections.abc import Iterator, Sequence

from hardmax.networks.mobile import LITE0, MOBILENETV2

__all__ = ["LITE0_NAMES", "MOBILENETV2_NAMES", "resnet_names"]

#: The blocks in each stage of EfficientNet-Lite0, and of MobileNetV2.
LITE0_BLOCKS = tuple(stage[0] for stage in LITE0)
MOBILENETV2_BLOCKS = tuple(stage[0] for stage in MOBILENETV2)


def resnet_names(blocks: Sequence[int], convolutions: int) -> tuple[str, ...]:
    """Return the names in a ResNet of torchvision and timm.

    ``blocks`` are those in each stage, with so many ``convolutions`` beside the shortcut.
    """
    names = ["conv1", "bn1"]
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            start = f"layer{stage}.{block}"
            for number in range(1, convolutions + 1):
                names += [f"{start}.conv{number}", f"{start}.bn{number}"]
            # The first stage of a network of basic blocks keeps the channels.
            if block == 0 and (stage > 1 or convolutions > 2):
                names += [f"{start}.downsample.0", f"{start}.downsample.1"]
    return (*names, "fc")


def _timm_names(blocks: Sequence[int]) -> tuple[str, ...]:
    """Return the names in a network of inverted residual blocks of timm."""
    names = ["conv_stem", "bn1"]
    for stage, count in enumerate(blocks):
        layers: tuple[str, ...] = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
        if stage == 0:
            layers = ("conv_dw", "bn1", "conv_pw", "bn2")
        names += [f"blocks.{stage}.{block}.{layer}" for block in range(count) for layer in layers]
    return (*names, "conv_head", "bn2", "classifier")


def _torchvision_names() -> Iterator[str]:
    """Yield the names in torchvision's MobileNetV2."""
    last = sum(MOBILENETV2_BLOCKS) + 1
    for block in range(last + 1):
        layers: tuple[str, ...] = (
            "conv.0.0",
            "conv.0.1",
            "conv.1.0",
            "conv.1.1",
            "conv.2",
            "conv.3",
        )
        if block == 1:
            layers = ("conv.0.0", "conv.0.1", "conv.1", "conv.2")
        elif block in (0, last):
            layers = ("0", "1")
        yield from (f"features.{block}.{layer}" for layer in layers)
    yield "classifier.1"


def _package_names() -> Iterator[str]:
    """Yield the names in EfficientNet-Lite0 of the package efficientnet-lite-pytorch."""
    yield from ("_conv_stem", "_bn0")
    for block in range(sum(LITE0_BLOCKS)):
        expansion = ("_expand_conv", "_bn0") if block else ()
        layers = (*expansion, "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
        yield from (f"_blocks.{block}.{layer}" for layer in layers)
    yield from ("_conv_head", "_bn1", "_fc")


LITE0_NAMES = (tuple(_package_names()), _timm_names(LITE0_BLOCKS))
MOBILENETV2_NAMES = (tuple(_torchvision_names()), _timm_names(MOBILENETV2_BLOCKS))
