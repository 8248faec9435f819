"""What hardmax costs beside other ways to train the same network with PyTorch."""
