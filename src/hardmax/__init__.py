"""hardmax trains, evaluates and deploys classifiers, with the same API in every framework.

The namespace selects the framework: ``from hardmax import torch`` uses PyTorch. A framework is
imported only when its namespace is. Nothing else is imported here, so ``import hardmax`` is fast.
"""

__version__ = "0.2.0"

__all__ = ["__version__"]
