"""Files of weights named as by torchvision and timm, compared with the published networks.

These are written here in PyTorch's functions, by their papers and with the names of the layers.
"""

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch.nn import functional as F

from hardmax import torch as hm
from hardmax.data.datasets import Images
from hardmax.errors import DataError
from hardmax.networks.pretrained import SIDE, backbone, pretrained_network
from hardmax.networks.shapes import weight_count
from hardmax.runs.session import Session

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE0 = (127 / 255,) * 3, (128 / 255,) * 3

#: Expansion, channels, blocks, kernel and stride of each stage.
MOBILENETV2 = (
    *((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 32, 3, 3, 2), (6, 64, 4, 3, 2)),
    *((6, 96, 3, 3, 1), (6, 160, 3, 3, 2), (6, 320, 1, 3, 1)),
)
EFFICIENTNET = (
    *((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2)),
    *((6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1)),
)


class Drawn:
    """Layers whose weights are drawn when they are first used; ``weights`` are those, by name."""

    def __init__(self, epsilon=1e-5, is_same=False):
        self.epsilon, self.is_same = epsilon, is_same
        self.generator = np.random.default_rng(0)
        self.weights = {}

    def uniform(self, name, low, high, *shape):
        self.weights[name] = self.generator.uniform(low, high, shape).astype(np.float32)
        return torch.from_numpy(self.weights[name])

    def normed(self, conv, norm, X, outputs, kernel=1, stride=1, groups=1):
        inputs = X.shape[1] // groups
        bound = (6 / (inputs * kernel**2)) ** 0.5
        weight = self.uniform(f"{conv}.weight", -bound, bound, outputs, inputs, kernel, kernel)
        padding = kernel // 2
        if self.is_same:
            zeros = kernel - 1 if stride == 1 else max(kernel - 2 + X.shape[2] % 2, 0)
            X, padding = F.pad(X, (zeros // 2, zeros - zeros // 2) * 2), 0
        X = F.conv2d(X, weight, None, stride, padding, groups=groups)
        scale = self.uniform(f"{norm}.weight", 0.7, 1.3, outputs)
        shift, mean = (
            self.uniform(f"{norm}.{kind}", -0.2, 0.2, outputs) for kind in ("bias", "running_mean")
        )
        var = self.uniform(f"{norm}.running_var", 0.7, 1.3, outputs)
        self.weights[f"{norm}.num_batches_tracked"] = np.array(3)
        return F.batch_norm(X, mean, var, scale, shift, eps=self.epsilon)


def resnet(draw, X, blocks, has_bottlenecks):
    X = F.relu(draw.normed("conv1", "bn1", X, 64, 7, 2))
    X = F.max_pool2d(X, 3, 2, 1)
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        outputs = 4 * width if has_bottlenecks else width
        for block in range(count):
            name, stride = f"layer{stage + 1}.{block}", 2 if stage and not block else 1
            layers = ((width, 3, stride), (width, 3, 1))
            if has_bottlenecks:
                layers = ((width, 1, 1), (width, 3, stride), (outputs, 1, 1))
            Y = X
            for number, layer in enumerate(layers, 1):
                Y = F.relu(Y) if number > 1 else Y
                Y = draw.normed(f"{name}.conv{number}", f"{name}.bn{number}", Y, *layer)
            if X.shape != Y.shape:
                down = f"{name}.downsample"
                X = draw.normed(f"{down}.0", f"{down}.1", X, outputs, 1, stride)
            X = F.relu(X + Y)
    return X.mean((2, 3))


def mobile(draw, X, stages, names):
    """Return the features of a network of inverted residual blocks.

    ``names`` are those of the first and the last layer, and of each block's by (stage, block).
    """
    first, last, of_block = names
    X = F.relu6(draw.normed(*first, X, 32, 3, 2))
    for stage, (expansion, outputs, count, kernel, step) in enumerate(stages):
        for block in range(count):
            layers = iter(of_block(stage, block))
            stride, hidden, Y = 1 if block else step, expansion * X.shape[1], X
            if expansion > 1:
                Y = F.relu6(draw.normed(next(layers), next(layers), Y, hidden))
            depthwise = (next(layers), next(layers))
            Y = F.relu6(draw.normed(*depthwise, Y, hidden, kernel, stride, hidden))
            Y = draw.normed(next(layers), next(layers), Y, outputs)
            X = X + Y if X.shape == Y.shape else Y
    return F.relu6(draw.normed(*last, X, 1280)).mean((2, 3))


def timm(stage, block):
    layers = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
    layers = layers if stage else ("conv_dw", "bn1", "conv_pw", "bn2")
    return [f"blocks.{stage}.{block}.{layer}" for layer in layers]


def torchvision(stage, block):
    number = 1 + sum(count for _, _, count, _, _ in MOBILENETV2[:stage]) + block
    layers = ("0.0", "0.1", "1.0", "1.1", "2", "3") if stage else ("0.0", "0.1", "1", "2")
    return [f"features.{number}.conv.{layer}" for layer in layers]


OF_TIMM = (("conv_stem", "bn1"), ("conv_head", "bn2"), timm)
OF_TORCHVISION = (
    ("features.0.0", "features.0.1"),
    ("features.18.0", "features.18.1"),
    torchvision,
)

#: The number of weights with 1,000 classes, and the network, by its name and that of its naming.
PUBLISHED = {
    "resnet18": (11_689_512, lambda draw, X: resnet(draw, X, (2, 2, 2, 2), False)),
    "resnet34": (21_797_672, lambda draw, X: resnet(draw, X, (3, 4, 6, 3), False)),
    "resnet50": (25_557_032, lambda draw, X: resnet(draw, X, (3, 4, 6, 3), True)),
    "mobilenetv2": (3_504_872, lambda draw, X: mobile(draw, X, MOBILENETV2, OF_TORCHVISION)),
    "mobilenetv2 timm": (3_504_872, lambda draw, X: mobile(draw, X, MOBILENETV2, OF_TIMM)),
    "efficientnet-lite0": (4_652_008, lambda draw, X: mobile(draw, X, EFFICIENTNET, OF_TIMM)),
}


@pytest.mark.parametrize("side", [SIDE, SIDE + 1])
@pytest.mark.parametrize("published", PUBLISHED)
def test_features_are_those_of_the_published_network(published, side, tmp_path):
    name = published.split()[0]
    count, network = PUBLISHED[published]
    is_lite = name == "efficientnet-lite0"
    mean, std = (torch.tensor(values)[:, None, None] for values in (LITE0 if is_lite else IMAGENET))
    shape = (side, side, 3)
    pixels = np.random.default_rng(1).integers(0, 256, (2, *shape), dtype=np.uint8)
    X = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    draw = Drawn(1e-3, is_same=True) if is_lite else Drawn()
    expected = network(draw, (X - mean) / std).numpy()
    file = tmp_path / "weights.safetensors"
    last = {"fc.weight": np.zeros((1000, 7), np.float32)} if name.startswith("resnet") else {}
    save_file({**draw.weights, **last}, file)
    found = backbone(name, str(file), shape)
    session = Session(hm, found.network, shape, found.weights)
    scores = session.scores(Images(pixels, np.zeros(2, np.int64)), 2)
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
    assert weight_count(pretrained_network(name, shape, 1000), shape) == count


@pytest.fixture(scope="module")
def weights():
    """The weights of a ResNet-18, by name."""
    draw = Drawn()
    resnet(draw, torch.zeros(1, 3, 32, 32), (2, 2, 2, 2), False)
    return draw.weights


def test_weights_of_half_precision_are_read(weights, tmp_path):
    halves = {name: value.astype(np.float16) for name, value in weights.items()}
    save_file(halves, tmp_path / "half.safetensors")
    found = backbone("resnet18", str(tmp_path / "half.safetensors"), (32, 32, 3))
    assert {value.dtype for value in found.weights.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found.weights["2.weight"], halves["conv1.weight"])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("resnet34", {}, r"layer1\.2\.conv1\.weight must have shape \(64, 64, 3, 3\), got none"),
        (
            "resnet50",
            {},
            r"layer1\.0\.conv1\.weight must have shape \(64, 64, 1, 1\), got \(64, 64",
        ),
        (
            "mobilenetv2",
            {},
            r"has no layers conv1, layer1\.0\.bn1, .*first is features\.0\.0 or conv_stem",
        ),
        ("resnet18", {"bn1.bias": np.zeros(3, np.float32)}, r"bn1\.bias must have shape \(64,\)"),
        ("resnet18", {"extra.weight": np.zeros(3, np.float32)}, "has no layers extra"),
        ("resnet18", {"bn1.bias": np.zeros(64, np.int64)}, "bn1.bias must have finite floats"),
        ("resnet18", {"bn1.bias": np.full(64, np.nan, np.float32)}, "must have finite floats"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(name, change, message, weights, tmp_path):
    save_file({**weights, **change}, tmp_path / "weights.safetensors")
    with pytest.raises(DataError, match=message) as refusal:
        backbone(name, str(tmp_path / "weights.safetensors"), (32, 32, 3))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"weights", b"\xff" * 100, b"\x80\x02}."])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"is not a readable \.safetensors file") as refusal:
        backbone("resnet18", str(tmp_path / "weights.safetensors"), (32, 32, 3))
    assert "\n" not in str(refusal.value)
    with pytest.raises(DataError, match="cannot read"):
        backbone("resnet18", str(tmp_path / "missing.safetensors"), (32, 32, 3))
