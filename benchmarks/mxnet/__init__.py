"""The contenders on MXNet."""

import hardmax.mxnet  # noqa: F401 (MXNet can be imported once this was)
