"""From files to labelled pictures in memory, in NumPy only."""
