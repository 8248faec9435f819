"""MXNet can be imported once hardmax has restored NumPy's removed names."""

import hardmax.mxnet  # noqa: F401
