"""Live plots of training, and the book's plotting functions.

A ``board`` stores the points; a drawer shows them in a notebook or a terminal. matplotlib, IPython
and rich are imported when something is drawn. The charts of reports are in ``hardmax.reports``.
"""
