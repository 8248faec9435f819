"""Networks as exported programs of PyTorch: .pt2 files."""

import copy
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hardmax.torch.module import Module

__all__ = ["IS_FOLDER", "SUFFIX", "load", "save"]

SUFFIX, IS_FOLDER = ".pt2", False

#: The name of the metadata in a file, for ``extra_files`` of ``torch.export.load``.
METADATA = "hardmax.json"


def save(model: Module, shape: tuple[int, ...], path: Path, metadata: str) -> None:
    """Save a model that is built from an architecture, for evaluation without hardmax.

    It takes batches of any number of examples: images are float32 (examples, channels, height,
    width), where ``shape`` is (height, width, channels). The file is written with ``metadata``.
    Raises OSError if it cannot be written.
    """
    *sides, channels = shape
    examples = torch.export.Dim("examples", min=1)
    program = torch.export.export(
        _plain(model.net),
        (torch.zeros(2, channels, *sides),),  # of one example, the number would be fixed
        dynamic_shapes=({0: examples},),
        strict=False,
    )
    for part in program.graph_module.modules():
        if isinstance(part, torch.fx.GraphModule):
            for node in part.graph.nodes:
                node.meta.pop("stack_trace", None)  # it has paths of this computer
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={METADATA: metadata})
    path.write_bytes(content.getbuffer())


def _plain(net: nn.Module) -> nn.Module:
    """Return a copy of a network on the CPU that is not trained further.

    Its weights are contiguous, as others are saved with a warning.
    """
    frozen = copy.deepcopy(net).eval().requires_grad_(False)
    return frozen.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def load(path: Path) -> Callable[[torch.Tensor], np.ndarray]:
    """Return the function that ``save`` wrote: from a batch to scores as a NumPy array."""
    with path.open("rb") as file:
        network = torch.export.load(file).module()
    return lambda X: network(X).numpy()
