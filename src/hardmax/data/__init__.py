"""Data sets as NumPy arrays, in memory or mapped from a file.

``datasets`` holds labeled examples, ``options`` the reading options, ``load`` picks the reader for
a name or path, ``survey`` inspects data without training, and ``sampling`` orders the examples of
an epoch. The readers are in ``images`` and ``tables``. Batches and tensors belong to
``hardmax.training`` and the backends.
"""
