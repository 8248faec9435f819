"""Files that predict without hardmax: a trained network with everything around it."""
