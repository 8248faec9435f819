"""A training from its settings to its run folder, and what can be done with such a folder.

``settings`` says what can be asked; ``train``, ``evaluate`` and ``predict`` do it, in a framework
that is given by name; ``run`` and ``writer`` read and write the folder. Nothing here prints.
"""
