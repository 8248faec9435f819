"""Networks as values: layers, a catalog of named networks, and shape inference.

``initializers`` draws initial weights and ``layouts`` converts them for channels-last frameworks.
Training is in ``hardmax.training``; each backend builds the native layers.
"""
