"""Evaluation: sums over batches, metrics of scores, calibration, decision rules and paired tests.

All of it is float64 arithmetic on NumPy arrays, independent of runs and networks.
"""
