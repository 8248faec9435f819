"""Curves that grow while a model trains, and the book's ways to draw.

A ``board`` keeps the points; a drawer shows them in a notebook, a terminal or a file. matplotlib,
IPython and rich are imported when something is drawn. A report's charts belong to
``hardmax.reports``.
"""
