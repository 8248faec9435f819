"""Benchmarks of ``hardmax serve``."""
