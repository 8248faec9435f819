"""A run that is served: computed by ONNX Runtime."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hardmax.data.tables.encoding import Encoding
from hardmax.errors import RunError
from hardmax.export.classifier import add_pixels
from hardmax.export.columns import takes_numbers
from hardmax.export.graph import Graph, need, open_session
from hardmax.export.images import IMAGES
from hardmax.export.model import model_of
from hardmax.export.network import add_network
from hardmax.export.outputs import DECISION, LABEL, PROBABILITIES, SCORES, Answers
from hardmax.files import read_regular
from hardmax.json_values import Json
from hardmax.runs.evaluate import read_rule
from hardmax.runs.run import REPORT, Run
from hardmax.runs.session import largest_batch
from hardmax.serving.describing import describe

__all__ = ["ServedModel", "TensorSpec"]

#: The least number of weights of a network whose work on a row is worth several threads.
LARGE = 10**6


class TensorSpec(NamedTuple):
    """A tensor of a model, by the names that the Open Inference Protocol has for types.

    -1 stands for any size in its shape.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


class ServedModel:
    """A run under a ``name``, and its ``report``, an HTML document.

    ``columns`` has the input for each column of a table; of images it is empty. Open one with
    ``open``.
    """

    def __init__(self, name: str, run: Run, answers: Answers, report: bytes):
        self.name, self.run, self.report = name, run, report
        self.classes, self.decides = run.classes, answers.decides
        self.columns: dict[str, str] = {}
        if isinstance(run.encoding, Encoding):
            model, self.columns = model_of(run, answers)
        else:
            graph = Graph()
            X = add_pixels(graph, IMAGES, run.input_shape)
            answers.add(graph, add_network(graph, run.network, run.input_shape, run.weights, X))
            model = graph.model("hardmax", {})
        # The operators of most tables are too small to be shared by threads.
        size = sum(weight.size for weight in run.weights.values())
        threads = 1 if self.columns and size < LARGE else 0
        self._session = open_session(model.SerializeToString(), threads, spins=False)
        self.inputs, self.outputs = self._inputs(), self._outputs()
        self._output_names = [output.name for output in self.outputs]
        self.compute(self._example())  # the first time takes longest

    @classmethod
    def open(
        cls, path: str, name: str, costs: Path | None = None, below: float | None = None
    ) -> "ServedModel":
        """Open the run in a folder; the first example is computed already.

        Decisions minimize the expected cost given by the file ``costs``, or abstain ``below`` a
        probability; without either there are none. Raises RunError for an unusable run, DataError
        for costs that do not fit it, ArgumentError for both rules at once, and ExportError if onnx
        or onnxruntime is not installed or ONNX cannot express the run.
        """
        for package in ("onnx", "onnxruntime"):
            need(package, "serving requires", "serve")
        run = Run.open(path)
        answers = Answers(run.classes, run.temperature, *read_rule(run, costs, below))
        return cls(name, run, answers, read_regular(Path(path, REPORT), error=RunError))

    @property
    def kind(self) -> str:
        """What is classified: "images", or the rows of a "table"."""
        return "images" if self.run.encoding is None else "table"

    @property
    def largest_batch(self) -> int:
        """The most examples that are computed together, at least 1."""
        return largest_batch(self.run.network, self.run.input_shape)

    def compute(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name for any number of examples.

        Images are uint8 (examples, height, width, channels) of the network's own size, columns of
        a table (rows,) of float64 or texts. Threads may call this at the same time.
        """
        found: list[Any] = self._session.run(self._output_names, feeds)
        return dict(zip(self._output_names, found, strict=True))

    def describe(self) -> dict[str, Json]:
        """Return what clients should know of the model."""
        return {
            "name": self.name,
            "kind": self.kind,
            "decides": self.decides,
            **describe(self.run),
        }

    def _inputs(self) -> tuple[TensorSpec, ...]:
        encoding = self.run.encoding
        if not isinstance(encoding, Encoding):
            return (TensorSpec(IMAGES, "UINT8", (-1, -1, -1, -1)),)
        return tuple(
            TensorSpec(
                self.columns[code.name],
                "FP64" if takes_numbers(code, encoding.missing) else "BYTES",
                (-1,),
            )
            for code in encoding.columns
        )

    def _outputs(self) -> tuple[TensorSpec, ...]:
        classes = len(self.classes)
        outputs = (
            TensorSpec(LABEL, "BYTES", (-1,)),
            TensorSpec(PROBABILITIES, "FP32", (-1, classes)),
            TensorSpec(SCORES, "FP32", (-1, classes)),
        )
        return (*outputs, TensorSpec(DECISION, "BYTES", (-1,))) if self.decides else outputs

    def _example(self) -> dict[str, np.ndarray]:
        """Return a black image, or a row whose cells are all missing."""
        if self.kind == "images":
            return {IMAGES: np.zeros((1, *self.run.input_shape), np.uint8)}
        empty = {"FP64": np.array([np.nan]), "BYTES": np.array([""], object)}
        return {one.name: empty[one.datatype] for one in self.inputs}
