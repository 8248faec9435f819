"""The contenders on TensorFlow."""
