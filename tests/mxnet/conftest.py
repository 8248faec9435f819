"""MXNet can be imported once hardmax has lent it the NumPy of its time."""

import hardmax.mxnet  # noqa: F401
