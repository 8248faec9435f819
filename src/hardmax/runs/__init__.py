"""Training from settings to a run folder, and everything done with a run folder afterwards.

``settings`` defines the settings; ``train``, ``evaluate``, ``explain`` and ``predict`` run in a
framework given by name; ``run`` and ``writer`` read and write the folder. Nothing here prints.
"""
