"""The contenders on MXNet."""

import hardmax.mxnet  # noqa: F401 (makes MXNet importable)
