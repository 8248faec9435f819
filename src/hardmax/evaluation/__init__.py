"""What scores are worth: sums over batches, metrics of scores and labels, and what follows.

All of it is arithmetic on NumPy arrays in float64. Nothing here knows of files, runs or networks.
"""
