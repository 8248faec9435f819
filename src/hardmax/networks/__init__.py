"""Networks as values: layers, those known by name, and what follows from a network's shape.

``initializers`` draws starting weights and ``layouts`` turns them for frameworks that have
channels last. How a network is trained belongs to ``hardmax.training``; the native layers are
built by each backend.
"""
