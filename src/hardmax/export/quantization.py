"""A network on images that computes in 8-bit integers, and the check of its accuracy.

The network is quantized by ONNX Runtime. Activations become unsigned integers, by the ranges that
they have for training images, and the weights of each output channel signed ones, symmetric around
zero. BatchNorm and padding become parts of the convolutions before.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from hardmax.data.datasets import SCALE, Dataset
from hardmax.errors import DataError, ExportError
from hardmax.export.checking import Check, Expected, spaced
from hardmax.export.graph import FLOAT, Graph, need
from hardmax.export.network import add_network
from hardmax.export.outputs import SCORES
from hardmax.networks.layers import Network
from hardmax.networks.shapes import Shape, output_shape
from hardmax.runs.data import load_data
from hardmax.runs.run import Run
from hardmax.runs.session import largest_batch

if TYPE_CHECKING:
    import onnx

__all__ = ["INT8", "QUANTIZATION", "check_images", "check_quantized", "quantize", "quantized"]

#: The type of the integers, and the name of the metadata about them.
INT8, QUANTIZATION = "int8", "quantization"

#: How many training images the ranges of activations are measured on, and at most at a time.
IMAGES, BATCH = 256, 64

#: The most by which the accuracy may fall.
MOST_LOST = 0.02

#: The input of the network.
PIXELS = "pixels"

#: The operators that are computed in integers. Others stay in float32, such as those that resize
#: and normalize images.
OPERATORS = ["Conv", "Gemm", "Add", "Concat", "Relu", "Clip", "MaxPool", "AveragePool"]

#: What linear layers return stays in float32: 8 bits would make many scores equal.
OPTIONS = {"OpTypesToExcludeOutputQuantization": ["Gemm"]}


@dataclass(frozen=True)
class QuantizedCheck(Check):
    """A comparison with the run, and the ``accuracy`` of the file and of the run."""

    accuracy: float
    run_accuracy: float

    def __str__(self) -> str:
        return (
            f"{self.count}: accuracy {self.accuracy:.4f}, that of the run {self.run_accuracy:.4f}, "
            f"{self.equal}, probabilities differ by at most {self.difference:.2g}"
        )


def check_images(run: Run, path: str) -> None:
    """Raise ExportError for a run on a table, which gains nothing."""
    if run.encoding is not None:
        raise ExportError(
            f"{path} was trained on a table, whose network is hardly faster in 8-bit integers; "
            "export it without --quantize"
        )


def check_quantized(
    expected: Expected, probabilities: np.ndarray, labels: np.ndarray
) -> QuantizedCheck:
    """Compare the answers of a quantized export, where ``labels`` are the numbers of the classes.

    Raises ExportError if the accuracy falls by more than MOST_LOST.
    """
    truth = expected.examples
    of_file, of_run = (
        float(np.average(found == truth.labels, weights=truth.weights))
        for found in (labels, expected.probabilities.argmax(axis=1))
    )
    compared = expected.compare(probabilities, labels)
    checked = QuantizedCheck(**asdict(compared), accuracy=of_file, run_accuracy=of_run)
    if round(of_run - of_file, 9) > MOST_LOST:
        raise ExportError(
            f"{expected.path} loses too much accuracy in 8-bit integers, more than {MOST_LOST}; "
            f"of {checked}; export it without --quantize"
        )
    return checked


def quantize(run: Run, path: str, dataset: Dataset) -> "onnx.ModelProto":
    """Return the network of the run in ``path``, quantized on training images of the run.

    These are loaded unless ``dataset`` is the data of the training. Raises DataError if they cannot
    be.
    """
    if dataset.fingerprint != run.record["data"]["fingerprint"]:
        try:
            dataset = load_data(run, path, None)
        except DataError as error:
            raise DataError(
                f"{error}; a network is quantized on its training images; if they have been moved, "
                "name them: --data DATA"
            ) from error
    images = spaced(dataset.train, IMAGES).inputs
    return quantized(run.network, run.input_shape, run.weights, images)


def quantized(
    network: Network, shape: Shape, weights: Mapping[str, np.ndarray], images: np.ndarray
) -> "onnx.ModelProto":
    """Return a network with its weights, quantized by the ranges for images (n, *shape), uint8.

    Its input is that of ``add_network``, and its output are the scores.
    """
    graph = Graph()
    height, width, channels = shape
    X = graph.input(PIXELS, FLOAT, "examples", channels, height, width)
    scores = add_network(graph, network, shape, weights, X)
    graph.output(SCORES, scores, FLOAT, "examples", *output_shape(network, shape))
    content = graph.model("network", {}).SerializeToString()
    return _quantized(content, _Batches(images, min(BATCH, largest_batch(network, shape))))


def _quantized(network: bytes, batches: "_Batches") -> "onnx.ModelProto":
    quantization = need("onnxruntime.quantization")
    with TemporaryDirectory() as folder:
        whole, folded, int8 = (f"{folder}/{name}.onnx" for name in ("whole", "folded", INT8))
        Path(whole).write_bytes(network)
        quantization.quant_pre_process(whole, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            int8,
            batches,
            op_types_to_quantize=OPERATORS,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options=OPTIONS,
        )
        model: onnx.ModelProto = need("onnx").load(int8)
    return model


class _Batches:
    """What ONNX Runtime reads images, uint8, from: ``size`` at a time, as a network takes them."""

    def __init__(self, images: np.ndarray, size: int):
        self._parts = iter([images[at : at + size] for at in range(0, len(images), size)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next batch by the name of the input, or None at the end."""
        part = next(self._parts, None)
        if part is None:
            return None
        return {PIXELS: part.transpose(0, 3, 1, 2) * np.float32(SCALE)}
