"""The framework-independent parts of training.

The trainer and its callbacks, the base classes of models and data, loaders, recipes, checkpoints,
and the choice between the fast path and the step path. Each backend adds the framework-specific
parts. No module here imports a framework.
"""
