"""The weights and activations of an exported network as 8-bit integers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hardmax.export.graph import need
from hardmax.export.images import IMAGES

if TYPE_CHECKING:
    import onnx

__all__ = ["quantized"]

#: The most training images that the ranges of the activations are measured on, and in a batch.
MOST, BATCH = 512, 64

#: The metadata that say that shapes are inferred; without them the quantizer logs a warning.
PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}


def quantized(model: "onnx.ModelProto", images: np.ndarray) -> "onnx.ModelProto":
    """Return a model whose convolutions and linear layers compute with int8, for CPUs.

    The ranges of their inputs are the least and the largest values for at most MOST of the training
    ``images``, uint8 (n, height, width, channels), evenly spaced; each output of a layer has its
    own scale of the weights.
    """
    onnx = need("onnx")
    tools = need("onnxruntime.quantization")
    prepared = onnx.shape_inference.infer_shapes(model)
    onnx.helper.set_model_props(prepared, {**_metadata(model), **PREPARED})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "int8.onnx")
        tools.quantize_static(
            prepared,
            file,
            _reader(tools.CalibrationDataReader, images),
            op_types_to_quantize=["Conv", "Gemm"],
            per_channel=True,
        )
        result = onnx.load(file)
    onnx.helper.set_model_props(result, _metadata(model))
    return result


def _metadata(model: "onnx.ModelProto") -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def _reader(base: type, images: np.ndarray) -> object:
    """Return what hands batches of images to the quantizer."""
    rows = np.linspace(0, len(images) - 1, min(len(images), MOST)).round().astype(np.int64)

    class Reader(base):
        def __init__(self) -> None:
            self.batches: Iterator[np.ndarray] = iter(
                [images[rows[at : at + BATCH]] for at in range(0, len(rows), BATCH)]
            )

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.batches, None)
            return None if batch is None else {IMAGES: batch}

    return Reader()
