"""The precision of training steps: float32, or bfloat16 where it is enough.

In bfloat16, which has the range of float32 and 8 bits of its significand, the steps of training
compute convolutions, linear layers and what is between them. The weights, the statistics of
BatchNorm, the loss, the gradients of the weights and the optimizer stay float32, and so does a
network that is evaluated. P. Micikevicius et al., "Mixed precision training", ICLR 2018.
"""

import contextlib
from functools import cache
from pathlib import Path

from hardmax.checks import check_choice
from hardmax.errors import ArgumentError

__all__ = ["BFLOAT16", "FLOAT32", "PRECISIONS", "check_precision", "cpu_has_bfloat16"]

FLOAT32, BFLOAT16 = PRECISIONS = ("float32", "bfloat16")

#: The frameworks that compute in bfloat16. MXNet 1.9.1 has the operators, but not the arrays.
WITH_BFLOAT16 = ("torch", "jax", "tensorflow")

#: Instructions of CPUs that multiply bfloat16. oneDNN emulates them on others, which is slow.
INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}

CPU = Path("/proc/cpuinfo")


def check_precision(precision: str, framework: str) -> None:
    """Raise ArgumentError for an unknown precision, or one that the framework does not have."""
    check_choice("precision", precision, PRECISIONS)
    if precision == BFLOAT16 and framework not in WITH_BFLOAT16:
        raise ArgumentError(
            f"framework {framework} trains in float32 only; leave out precision {precision}, or "
            f"use {', '.join(WITH_BFLOAT16)}"
        )


@cache
def cpu_has_bfloat16(description: Path = CPU) -> bool:
    """Return whether the CPU of this machine has instructions for bfloat16, if Linux says so."""
    with contextlib.suppress(OSError):
        for line in description.read_text("ascii", "replace").splitlines():
            name, _, flags = line.partition(":")
            if name.strip() == "flags":
                return not INSTRUCTIONS.isdisjoint(flags.split())
    return False
