"""Metrics of scores and all that is computed from them: calibration, sets, decision rules, tests.

All of it is float64 arithmetic on NumPy arrays, independent of runs and networks.
"""
