"""The loop over epochs and all that it takes, whatever the framework.

The trainer with its callbacks, models and data as the book has them, batches, recipes, files of
weights, and the decision between an engine and the book's own steps. Each backend completes them
with its framework's part. No module here imports a framework.
"""
