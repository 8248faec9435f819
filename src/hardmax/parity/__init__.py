"""One experiment in several frameworks, each in a process of its own, and how far they differ.

``measurement`` trains and measures in one framework, ``differences`` has the arithmetic, and
``report`` writes what was found.
"""
