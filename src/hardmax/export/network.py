"""A network and its weights as nodes of an ONNX graph."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hardmax.export.graph import Graph
from hardmax.networks.interpolation import interpolation
from hardmax.networks.layers import (
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Ensemble,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Normalize,
    Pad,
    ParametricSELU,
    PeriodicEmbedding,
    PiecewiseLinear,
    Pool,
    Residual,
    Resize,
    Scale,
    Sequence,
    parts,
)
from hardmax.networks.shapes import Shape, walk
from hardmax.networks.table_layers import SELU_ALPHA, SELU_SCALE

__all__ = ["add_network"]

ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
POOLS = {"max": "MaxPool", "average": "AveragePool"}


def add_network(
    graph: Graph, network: Network, shape: Shape, weights: Mapping[str, np.ndarray], X: str
) -> str:
    """Add a network with its weights, keyed by portable name, and return its output.

    Its input ``X`` has examples of ``shape``: float32 vectors (examples, features), or images with
    the channels first (examples, channels, height, width).
    """
    shapes = {place.name: place.inputs for place in walk(network, shape)}
    return _Writer(graph, weights, shapes).network(network, "", X)


@dataclass(frozen=True)
class _Writer:
    """Adds layers to a graph; ``shapes`` are those of the inputs of the layers, by name."""

    graph: Graph
    weights: Mapping[str, np.ndarray]
    shapes: Mapping[str, Shape]

    def network(self, network: Network, prefix: str, X: str) -> str:
        """Return the output of a network whose layers' names have the prefix."""
        for position, layer in enumerate(network):
            X = self._layer(layer, f"{prefix}{position}", X)
        return X

    def _layer(self, layer: Layer, name: str, X: str) -> str:
        """Return the output of a layer."""
        op = self.graph.op
        match layer:
            case Sequence() | Residual() | Concat() | Ensemble():
                ends = [
                    self.network(part, f"{name}.{path}", X) for path, part in parts(layer).items()
                ]
                return self._merged(layer, ends)
            case Dropout():
                return X
            case Activation("relu6"):
                return op("Clip", X, self._constant(0.0), self._constant(6.0))
            case Activation(function):
                return op(ACTIVATIONS[function], X)
            case Flatten():
                return op("Flatten", X)
            case Linear():
                return op("Gemm", X, *self._weights(name, "weight", "bias"), transB=1)
            case BatchNorm(epsilon):
                kinds = ("weight", "bias", "running_mean", "running_var")
                return op("BatchNormalization", X, *self._weights(name, *kinds), epsilon=epsilon)
            case Conv() | Pool() | GlobalPool() | Resize() | Normalize() | Pad():
                return self._of_images(layer, name, X)
            case Scale() | PeriodicEmbedding() | PiecewiseLinear() | ParametricSELU():
                return self._of_rows(layer, name, X)
        raise AssertionError(layer)

    def _merged(self, layer: Layer, ends: list[str]) -> str:
        """Return the output of a layer of several parts from theirs."""
        op = self.graph.op
        match layer:
            case Sequence():
                return ends[0]
            case Residual():
                return op("Add", *ends)
            case Concat():
                return op("Concat", *ends, axis=1)
        # The mean of the probabilities, by their logarithms, so that small ones keep their digits.
        axis = self.graph.constant([1])
        members = [op("Unsqueeze", op("LogSoftmax", end, axis=1), axis) for end in ends]
        together = op("ReduceLogSumExp", op("Concat", *members, axis=1), axis, keepdims=0)
        return op("Sub", together, self._constant(math.log(len(ends))))

    def _of_images(self, layer: Layer, name: str, X: str) -> str:
        """Return the output of a layer that takes images."""
        op = self.graph.op
        match layer:
            case Conv(_, kernel, stride, padding, groups):
                return op(
                    "Conv",
                    X,
                    *self._weights(name, "weight", "bias"),
                    kernel_shape=[kernel] * 2,
                    strides=[stride] * 2,
                    pads=[padding] * 4,
                    group=groups,
                )
            case Pool(kind, size, stride, padding):
                return op(
                    POOLS[kind],
                    X,
                    kernel_shape=[size] * 2,
                    strides=[stride] * 2,
                    pads=[padding] * 4,
                )
            case GlobalPool():
                return op("Flatten", op("GlobalAveragePool", X))
            case Resize(height, width):
                rows, columns = (
                    interpolation(source, target)
                    for source, target in zip(self.shapes[name], (height, width), strict=False)
                )
                scaled = op("MatMul", self.graph.constant(rows), X)
                return op("MatMul", scaled, self.graph.constant(columns.T))
            case Normalize(mean, std):
                centered = op("Sub", X, self._of_channels(mean))
                return op("Div", centered, self._of_channels(std))
            case Pad((above, below), (left, right)):
                sides = self.graph.constant([0, 0, above, left, 0, 0, below, right])
                return op("Pad", X, sides)
        raise AssertionError(layer)

    def _of_rows(self, layer: Layer, name: str, X: str) -> str:
        """Return the output of a layer that takes the rows of tables."""
        op = self.graph.op
        match layer:
            case Scale():
                return op("Mul", X, *self._weights(name, "weight"))
            case ParametricSELU():
                selu = op("Selu", X, alpha=SELU_ALPHA, gamma=SELU_SCALE)
                share = op("Mul", op("Sub", selu, X), *self._weights(name, "weight"))
                return op("Add", X, share)
            case PiecewiseLinear(features, lows):
                chosen = op("Gather", X, self.graph.constant(features, np.int64), axis=1)
                above = op("Sub", chosen, self._constant(lows))
                bins = op("Mul", above, self._constant(layer.slopes))
                clipped = op("Clip", bins, self._constant(0.0), self._constant(1.0))
                return op("Concat", X, clipped, axis=1)
            case PeriodicEmbedding():
                return op("Concat", X, self._periodic(layer, name, X), axis=1)
        raise AssertionError(layer)

    def _periodic(self, layer: PeriodicEmbedding, name: str, X: str) -> str:
        """Return the functions of an embedding, one feature after the other."""
        op = self.graph.op
        w, b, W, c = (
            self.weights[f"{name}.{kind}"] for kind in ("frequency", "phase", "weight", "bias")
        )
        if layer.features is not None:
            X = op("Gather", X, self.graph.constant(layer.features, np.int64), axis=1)
        # Features come first, so that each has one matrix product over the examples.
        columns = op("Unsqueeze", op("Transpose", X, perm=[1, 0]), self.graph.constant([2]))
        turns = op("Mul", columns, self._constant(2 * np.pi * w[:, None]))
        cosines = op("Cos", op("Add", turns, self._constant(b[:, None])))
        products = op("MatMul", cosines, self._constant(W.transpose(0, 2, 1)))
        functions = op("Add", products, self._constant(c[:, None]))
        by_example = op("Transpose", functions, perm=[1, 0, 2])
        return op("Flatten", by_example)

    def _weights(self, name: str, *kinds: str) -> list[str]:
        """Return those weights of a layer that it has."""
        found = (self.weights.get(f"{name}.{kind}") for kind in kinds)
        return [self._constant(weight) for weight in found if weight is not None]

    def _of_channels(self, values: tuple[float, ...]) -> str:
        return self._constant(np.array(values)[:, None, None])

    def _constant(self, values: object) -> str:
        return self.graph.constant(values, np.float32)
