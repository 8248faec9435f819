"""hardmax trains, judges and carries to use classifiers, with one shape in every framework.

The namespace is the choice of framework: ``from hardmax import torch`` is PyTorch, and a
framework is imported only when it is named. Nothing else is imported here, so that
``import hardmax`` costs next to nothing.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
