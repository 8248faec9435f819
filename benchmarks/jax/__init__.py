"""The contenders on JAX."""
