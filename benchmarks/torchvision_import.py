"""Importing torchvision where PyTorch is built for CPUs."""

import importlib

__all__ = ["import_torchvision"]


def import_torchvision() -> None:
    """Import torchvision, also if its compiled operators are for another build of PyTorch.

    The registry has it for CUDA alone. Reading images takes none of these operators.
    """
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{name}", "(Tensor boxes, Tensor scores, float threshold) -> Tensor"
            )
        importlib.import_module("torchvision")
