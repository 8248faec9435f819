"""The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8."""

import numpy as np

from hardmax.data.datasets import Dataset, Images, split_off

__all__ = ["load_digits"]

TEST_FRACTION = 0.2
SPLIT_SEED = 0


def load_digits() -> Dataset:
    """Return the digits; a fixed fifth of each class is the test set.

    The pixels are scaled from 0..16 to 0..255.
    """
    from sklearn.datasets import load_digits as load_from_sklearn

    bunch = load_from_sklearn()
    images = np.rint(bunch.images[..., np.newaxis] * (255 / 16)).astype(np.uint8)
    train, test = split_off(Images(images, bunch.target), TEST_FRACTION, SPLIT_SEED)
    return Dataset("digits", train, test, tuple(str(digit) for digit in bunch.target_names))
