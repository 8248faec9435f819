"""The classifier of a run, computed by ONNX Runtime instead of a framework."""

import os
from functools import cached_property

import numpy as np

from hardmax.data.datasets import SCALE, Examples
from hardmax.export.graph import FLOAT, UINT8, Graph, open_session
from hardmax.export.network import add_network
from hardmax.export.outputs import SCORES
from hardmax.runs.classifier import RunClassifier
from hardmax.runs.run import Run
from hardmax.runs.session import largest_batch

__all__ = ["OnnxClassifier", "OnnxScorer"]

INPUTS = "inputs"


class OnnxScorer:
    """Computes the scores of a run with ONNX Runtime.

    Raises ExportError if onnx or onnxruntime is not installed.
    """

    def __init__(self, run: Run):
        self._run = run
        graph = Graph()
        if len(run.input_shape) == 3:
            pixels = graph.input(INPUTS, UINT8, "examples", *run.input_shape)
            channels_first = graph.op("Transpose", pixels, perm=[0, 3, 1, 2])
            scale = graph.constant(SCALE, np.float32)
            X = graph.op("Mul", graph.op("Cast", channels_first, to=FLOAT), scale)
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
