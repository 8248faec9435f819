"""The ONNX model of a run: from files' pixels or a table's cells to answers."""

from typing import TYPE_CHECKING

from hardmax import __version__
from hardmax.data.tables.encoding import Encoding
from hardmax.errors import ExportError
from hardmax.export.columns import add_columns
from hardmax.export.graph import Graph
from hardmax.export.images import add_images
from hardmax.export.network import add_network
from hardmax.export.outputs import OUTPUTS, Answers
from hardmax.runs.record import dumps
from hardmax.runs.run import Run

if TYPE_CHECKING:
    import onnx

__all__ = ["model_of"]

#: The settings that may be paths of the computer.
PATHS = {"data", "test", "pretrained", "from_run"}

#: The most bytes of weights: a file of ONNX has less than 2 GiB.
MAX_BYTES = 2**31 - 2**24


def model_of(
    run: Run, answers: Answers, network: "onnx.ModelProto | None" = None
) -> tuple["onnx.ModelProto", dict[str, str]]:
    """Return the model of a run, with all that is done before and after its network.

    A quantized ``network`` may take the place of that. Also return, for tables, the name of the
    input for each column.

    Its metadata are JSON: ``classes``; ``metrics``, those of the test set; ``data``, the
    fingerprint of the data that the run was trained on; ``hardmax``, the version; the ``settings``
    of the training, but for paths; and for tables ``inputs``, the name of the input for each
    column. Raises ExportError if onnx is not installed or ONNX cannot express the run.
    """
    size = sum(weight.nbytes for weight in run.weights.values())
    if size > MAX_BYTES:
        raise ExportError(
            f"the weights of this run have {size} bytes; those of an ONNX file may have at most "
            f"{MAX_BYTES}; train a smaller network"
        )
    graph = Graph()
    inputs: dict[str, str] = {}
    if isinstance(run.encoding, Encoding):
        X, inputs = add_columns(graph, run.encoding, OUTPUTS)
    else:
        X = add_images(graph, run.input_shape, run.settings)
    if network is None:
        scores = add_network(graph, run.network, run.input_shape, run.weights, X)
    else:
        scores = graph.splice(network, X)
    answers.add(graph, scores)
    metadata: dict[str, object] = {
        "hardmax": __version__,
        "classes": run.classes,
        "metrics": run.record["results"]["test"],
        "data": run.record["data"]["fingerprint"],
        "settings": {
            name: value for name, value in run.record["settings"].items() if name not in PATHS
        },
        **({"inputs": inputs} if inputs else {}),
    }
    model = graph.model("hardmax", {name: dumps(value) for name, value in metadata.items()})
    return model, inputs
