"""The classifier of a run, computed by ONNX Runtime instead of a framework."""

import os
from functools import cached_property

import numpy as np

from hardmax.data.datasets import SCALE, Examples
from hardmax.export.graph import FLOAT, UINT8, Graph, open_session
from hardmax.export.network import add_network
from hardmax.export.outputs import SCORES
from hardmax.networks.shapes import Shape
from hardmax.runs.classifier import RunClassifier
from hardmax.runs.run import Run
from hardmax.runs.session import largest_batch

__all__ = ["OnnxClassifier", "OnnxScorer", "add_pixels"]

INPUTS = "inputs"


class OnnxScorer:
    """Computes the scores of a run with ONNX Runtime.

    Raises ExportError if onnx or onnxruntime is not installed.
    """

    def __init__(self, run: Run):
        self._run = run
        graph = Graph()
        if len(run.input_shape) == 3:
            X = add_pixels(graph, INPUTS, run.input_shape)
        else:
            X = graph.input(INPUTS, FLOAT, "examples", *run.input_shape)
        scores = add_network(graph, run.network, run.input_shape, run.weights, X)
        graph.output(SCORES, scores, FLOAT, "examples", len(run.classes))
        self._session = open_session(graph.model("hardmax", {}).SerializeToString())

    @cached_property
    def largest_batch(self) -> int:
        """The most examples in a batch, at least 1."""
        return largest_batch(self._run.network, self._run.input_shape)

    def scores(self, examples: Examples, batch_size: int) -> np.ndarray:
        """Return scores of examples, float32 of shape (examples, classes)."""
        size = min(batch_size, self.largest_batch)
        parts = [examples.inputs[at : at + size] for at in range(0, len(examples), size)]
        found = [
            self._session.run([SCORES], {INPUTS: np.ascontiguousarray(part)}) for part in parts
        ]
        return np.concatenate([scores for (scores,) in found])


def add_pixels(graph: Graph, name: str, shape: Shape) -> str:
    """Add an input for images of ``shape`` (height, width, channels); return what a network takes.

    The input is UINT8 (examples, height, width, channels), the result FLOAT (examples, channels,
    height, width), 0 to 1.
    """
    pixels = graph.input(name, UINT8, "examples", *shape)
    channels_first = graph.op("Transpose", pixels, perm=[0, 3, 1, 2])
    scale = graph.constant(SCALE, np.float32)
    return graph.op("Mul", graph.op("Cast", channels_first, to=FLOAT), scale)


class OnnxClassifier(RunClassifier):
    """The classifier of a run folder, which needs no framework.

    ``classes`` are the names of the classes, ``settings`` those of the training, and ``record`` is
    the content of the run's run.json. Raises RunError for an unusable run, and ExportError if onnx
    or onnxruntime is not installed.
    """

    def __init__(self, run: str | os.PathLike[str]):
        path = os.fspath(run)
        opened = Run.open(path)
        super().__init__(path, opened, OnnxScorer(opened))
