"""The contenders on PyTorch."""
