"""ONNX graphs, written node by node."""

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hardmax.errors import ExportError

if TYPE_CHECKING:
    import onnx
    import onnxruntime

Key = TypeVar("Key", str, int)
Value = TypeVar("Value", str, int, float)

__all__ = [
    "BOOL",
    "DOUBLE",
    "FLOAT",
    "INT64",
    "MICROSOFT",
    "STRING",
    "UINT8",
    "Graph",
    "lookup",
    "need",
    "open_session",
    "tokens",
]

#: The types of the elements of tensors, as numbered in ``onnx.TensorProto.DataType``.
FLOAT, UINT8, INT64, STRING, BOOL, DOUBLE = 1, 2, 7, 8, 9, 11

#: The domains of operators outside of ONNX itself. Each build of ONNX Runtime has them.
ML, MICROSOFT = "ai.onnx.ml", "com.microsoft"

#: The versions of the operators by domain, and of the format. ONNX Runtime 1.17 reads them.
OPSETS, IR_VERSION = {"": 20, ML: 3, MICROSOFT: 1}, 9


def need(package: str, what: str = "ONNX files require", extra: str = "export") -> ModuleType:
    """Return a package, such as onnx or onnxruntime. Raises ExportError if it is not installed.

    The error says ``what`` requires it, and which ``extra`` of hardmax installs it.
    """
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ExportError(
            f"{what} {package}, which is not installed; install it with: "
            f"pip install 'hardmax[{extra}]'"
        ) from error


class Graph:
    """An ONNX graph to which nodes are added; its values go by their names.

    The names of its nodes and constants start with ``prefix``, which the body of a Loop or a Scan
    needs, because it also sees the values of the graph around it. Raises ExportError if onnx is not
    installed.
    """

    def __init__(self, prefix: str = "") -> None:
        self._onnx = need("onnx")
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, kind: int, *shape: int | str) -> str:
        """Add an input of a type and a shape, in which sizes that may vary have names."""
        self._inputs.append(self._onnx.helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, kind: int, *shape: int | str) -> None:
        """Make a value an output."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._onnx.helper.make_tensor_value_info(name, kind, shape))

    def constant(self, array: Any, dtype: Any = None) -> str:
        """Return the value of an array, also of strings (dtype object); equal ones stand once."""
        array = np.asarray(array, dtype)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        key = (array.dtype.str, array.shape, content)
        if key not in self._constants:
            self._constants[key] = name = f"{self._prefix}constant:{len(self._constants)}"
            self._initializers.append(self._onnx.numpy_helper.from_array(array, name))
        return self._constants[key]

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add an operator with one output and return that; an empty input is left out."""
        name = f"{self._prefix}{kind}:{len(self._nodes)}"
        self._nodes.append(
            self._onnx.helper.make_node(kind, inputs, [name], domain=domain, **attributes)
        )
        return name

    def subgraph(self, inputs: Mapping[str, int], output: str, kind: int) -> "onnx.GraphProto":
        """Return the nodes and constants of this graph as the body of a Loop or a Scan.

        ``inputs`` are the types of its inputs, and ``kind`` is that of its ``output``.
        """
        info = self._onnx.helper.make_tensor_value_info
        return self._onnx.helper.make_graph(
            self._nodes,
            "body",
            [info(name, of_input, None) for name, of_input in inputs.items()],
            [info(output, kind, None)],
            self._initializers,
        )

    def splice(self, model: "onnx.ModelProto", X: str) -> str:
        """Add the nodes and constants of a model with one input, X, and one output; return that.

        The names of its values get a prefix. It must have the same versions of the operators.
        """
        part = need("onnx.compose").add_prefix(model, f"{self._prefix}{model.graph.name}/").graph
        self._nodes.append(self._onnx.helper.make_node("Identity", [X], [part.input[0].name]))
        self._nodes += part.node
        self._initializers += part.initializer
        return str(part.output[0].name)

    def model(self, name: str, metadata: Mapping[str, str]) -> "onnx.ModelProto":
        """Return the graph as a model with the metadata."""
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, self._initializers
        )
        model = helper.make_model(
            graph,
            producer_name="hardmax",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid(*item) for item in OPSETS.items()],
        )
        helper.set_model_props(model, metadata)
        return model


def lookup(graph: Graph, keys: str, table: Mapping[Key, Value], default: Value) -> str:
    """Return what a table has for each key, and the default for keys that it lacks."""
    of_keys, of_values = _kind(next(iter(table), "")), _kind(default)
    attributes = {
        f"keys_{of_keys}s": [*table],
        f"values_{of_values}s": [*table.values()],
        f"default_{of_values}": default,
    }
    return graph.op("LabelEncoder", keys, domain=ML, **attributes)


def _kind(value: object) -> str:
    """Return the word for the type of a value in the attributes of a LabelEncoder."""
    if isinstance(value, str):
        return "string"
    return "float" if isinstance(value, float) else "int64"


def tokens(graph: Graph, texts: str, **how: Any) -> str:
    """Return the parts of each text along a last axis, then "": all matches of a ``tokenexp``.

    That axis has the length 0 if no text has any.
    """
    options = {"mark": 0, "pad_value": "", "mincharnum": 1}
    found = graph.op("Tokenizer", texts, domain=MICROSOFT, **options, **how)
    # onnx, which does not know this operator, crashes where a regular expression has no type.
    return graph.op("Cast", found, to=STRING)


def open_session(
    model: bytes, threads: int = 0, *, spins: bool = True
) -> "onnxruntime.InferenceSession":
    """Return a session of ONNX Runtime with a model, on the CPU.

    It computes in as many ``threads``, by default one per core, which keep a core busy while they
    have nothing to do unless ``spins`` is false. Raises ExportError if onnxruntime is not
    installed.
    """
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # only errors
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spins)))
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
