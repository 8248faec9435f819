"""What accuracy image classifiers reach in the same time."""
