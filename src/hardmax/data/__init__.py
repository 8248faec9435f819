"""From what a person names to labelled examples in memory or mapped from a file, in NumPy alone.

``datasets`` has the examples, ``options`` how they are to be read, ``load`` finds the reader for
what was named, ``survey`` only looks, and ``sampling`` decides their order. ``images`` and
``tables`` have the readers. Batches, and what a framework makes of examples, belong to
``hardmax.training`` and the backends.
"""
