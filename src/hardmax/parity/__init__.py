"""The same training in several frameworks, each in its own process, and how much they differ.

``measurement`` trains and measures in one framework, ``differences`` compares two measurements,
and ``report`` writes the parity report.
"""
