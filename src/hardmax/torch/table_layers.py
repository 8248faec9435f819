"""The layers of networks for tables: they take vectors (examples, features)."""

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from hardmax.networks import table_layers

__all__ = ["ParametricSELU", "PeriodicEmbedding", "PiecewiseLinear", "Scale"]


class Scale(LazyModuleMixin, nn.Module):
    """Multiplies each feature of a vector by a weight."""

    weight: UninitializedParameter | nn.Parameter

    def __init__(self) -> None:
        super().__init__()
        self.weight = UninitializedParameter()

    def initialize_parameters(self, X: torch.Tensor) -> None:
        """Create the weights for vectors."""
        if isinstance(self.weight, UninitializedParameter):
            with torch.no_grad():
                self.weight.materialize(X.shape[1:])
                nn.init.ones_(self.weight)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the scaled vectors."""
        return X * self.weight


class ParametricSELU(Scale):
    """Returns (1 - a) x + a selu(x), with a weight a for each feature."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the activations of vectors."""
        return torch.lerp(X, nn.functional.selu(X), self.weight)


class PeriodicEmbedding(LazyModuleMixin, nn.Module):
    """Appends periodic functions of each feature to a vector."""

    features: torch.Tensor | None

    def __init__(self, frequencies: int, functions: int, features: tuple[int, ...] | None):
        super().__init__()
        self.frequencies, self.functions = frequencies, functions
        positions = None if features is None else torch.tensor(features)
        self.register_buffer("features", positions, persistent=False)
        self.frequency, self.phase = UninitializedParameter(), UninitializedParameter()
        self.weight, self.bias = UninitializedParameter(), UninitializedParameter()

    def initialize_parameters(self, X: torch.Tensor) -> None:
        """Create the weights for vectors."""
        if not self.has_uninitialized_params():
            return
        features = self._chosen(X).shape[1]
        with torch.no_grad():
            for weight in (self.frequency, self.phase):
                weight.materialize((features, self.frequencies))
                nn.init.normal_(weight)
            self.weight.materialize((features, self.functions, self.frequencies))
            self.bias.materialize((features, self.functions))
            nn.init.normal_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return vectors with their functions appended."""
        # The features come first, so that each has one matrix product over the examples.
        columns = self._chosen(X).T[:, :, None]
        angles = torch.addcmul(self.phase[:, None], columns, 2 * torch.pi * self.frequency[:, None])
        functions = torch.baddbmm(self.bias[:, None], angles.cos(), self.weight.mT)
        return torch.cat([X, functions.permute(1, 0, 2).flatten(1)], dim=1)

    def _chosen(self, X: torch.Tensor) -> torch.Tensor:
        return X if self.features is None else X.index_select(1, self.features)


class PiecewiseLinear(nn.Module):
    """Appends the piecewise linear encoding of features to a vector."""

    features: torch.Tensor
    lows: torch.Tensor
    slopes: torch.Tensor

    def __init__(self, layer: table_layers.PiecewiseLinear):
        super().__init__()
        for name in ("features", "lows", "slopes"):
            values = torch.tensor(getattr(layer, name))
            self.register_buffer(name, values, persistent=False)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return vectors with their encodings appended."""
        bins = (X.index_select(1, self.features) - self.lows) * self.slopes
        return torch.cat([X, bins.clamp(0, 1)], dim=1)
