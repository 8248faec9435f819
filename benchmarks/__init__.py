"""What hardmax costs beside other ways to train the same network, one framework at a time."""
