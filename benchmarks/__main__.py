"""Measure what an epoch costs: ``python -m benchmarks``."""

import argparse
import importlib.util
import os
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # everybody trains on the CPU
os.environ["KERAS_TORCH_DEVICE"] = "cpu"

NAMES = ("bare", "command-line", "book", "keras", "lightning", "skorch")
MODELS = ("softmax-regression", "mlp")
PACKAGES = ("hardmax", "torch", "keras", "lightning", "skorch", "numpy")

#: What --check asks for: at most so many times the bare loop, and so many times the others.
MOST = 1.10
LEAST = 5.0


def main() -> int:
    options = parse()
    others = [name for name in options.only if importlib.util.find_spec(name)]
    needed = {"hardmax", "torch", *set(options.only) & set(PACKAGES)}
    missing = sorted(name for name in needed if importlib.util.find_spec(name) is None)
    if missing:
        return stop(f"{', '.join(missing)} not installed; `make bench` installs what is needed")
