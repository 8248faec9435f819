"""The layers of networks for tables: they take vectors (examples, features)."""

from types import ModuleType

import numpy as onp
from mxnet import gluon, np

from hardmax.networks import table_layers
from hardmax.networks.table_layers import SELU_ALPHA, SELU_SCALE

__all__ = ["ParametricSELU", "PeriodicEmbedding", "PiecewiseLinear", "Scale"]

#: The settings of a parameter whose shape is only known from the first inputs.
DEFERRED = {"allow_deferred_init": True}


class Scale(gluon.HybridBlock):
    """Multiplies each feature of a vector by a weight."""

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(0,), init="ones", **DEFERRED)

    def infer_shape(self, X: np.ndarray) -> None:
        """Set the shapes of the weights by those of vectors."""
        self.weight.shape = X.shape[1:]

    def hybrid_forward(self, F: ModuleType, X: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the scaled vectors."""
        return X * weight


class ParametricSELU(Scale):
    """Returns (1 - a) x + a selu(x), with a weight a for each feature."""

    def hybrid_forward(self, F: ModuleType, X: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the activations of vectors."""
        # The gradient of MXNet's own SELU is wrong below 0.
        negative = SELU_ALPHA * F.np.expm1(F.np.minimum(X, 0))
        selu = SELU_SCALE * (F.np.maximum(X, 0) + negative)
        return X + weight * (selu - X)


def _runs(positions: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first and the last of each run of consecutive positions."""
    runs: list[tuple[int, int]] = []
    for position in positions:
        if runs and position == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], position)
        else:
            runs.append((position, position))
    return runs


class PeriodicEmbedding(gluon.HybridBlock):
    """Appends periodic functions of each feature to a vector."""

    def __init__(self, frequencies: int, functions: int, features: tuple[int, ...] | None):
        super().__init__()
        self.frequencies, self.functions, self.features = frequencies, functions, features
        with self.name_scope():
            waves, matrices = (0, frequencies), (0, functions, frequencies)
            self.frequency = self.params.get("frequency", shape=waves, **DEFERRED)
            self.phase = self.params.get("phase", shape=waves, **DEFERRED)
            self.weight = self.params.get("weight", shape=matrices, **DEFERRED)
            self.bias = self.params.get("bias", shape=(0, functions), **DEFERRED)

    def infer_shape(self, X: np.ndarray) -> None:
        """Set the shapes of the weights by those of vectors."""
        features = X.shape[1] if self.features is None else len(self.features)
        for weight in (self.frequency, self.phase, self.weight, self.bias):
            weight.shape = (features, *weight.shape[1:])

    def hybrid_forward(
        self,
        F: ModuleType,
        X: np.ndarray,
        frequency: np.ndarray,
        phase: np.ndarray,
        weight: np.ndarray,
        bias: np.ndarray,
    ) -> np.ndarray:
        """Return vectors with their functions appended."""
        # The features come first, so that each has one matrix product over the examples.
        chosen = X
        if self.features is not None:
            # A symbol takes slices only.
            chosen = F.np.concatenate([X[:, i : j + 1] for i, j in _runs(self.features)], axis=1)
        columns = F.np.expand_dims(F.np.transpose(chosen), 2)
        waves = columns * (2 * onp.pi * F.np.expand_dims(frequency, 1)) + F.np.expand_dims(phase, 1)
        functions = F.npx.batch_dot(F.np.cos(waves), weight, transpose_b=True)
        functions = F.np.transpose(functions + F.np.expand_dims(bias, 1), (1, 0, 2))
        return F.np.concatenate([X, F.npx.batch_flatten(functions)], axis=1)


class PiecewiseLinear(gluon.HybridBlock):
    """Appends the piecewise linear encoding of features to a vector."""

    def __init__(self, layer: table_layers.PiecewiseLinear):
        super().__init__()
        with self.name_scope():
            for name in ("features", "lows", "slopes"):
                values = np.array(getattr(layer, name), dtype="float32")
                setattr(self, name, self.params.get_constant(name, values))

    def hybrid_forward(
        self,
        F: ModuleType,
        X: np.ndarray,
        features: np.ndarray,
        lows: np.ndarray,
        slopes: np.ndarray,
    ) -> np.ndarray:
        """Return vectors with their encodings appended."""
        bins = (F.np.take(X, features, axis=1) - lows) * slopes
        return F.np.concatenate([X, F.np.clip(bins, 0, 1)], axis=1)
