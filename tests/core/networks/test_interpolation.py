"""The matrices that scale images, compared with Pillow."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hardmax.networks.interpolation import interpolation

sides = st.integers(1, 60)


@given(sides, sides, st.integers(0, 2**32 - 1))
def test_images_are_scaled_as_by_pillow(source, target, seed):
    row = np.random.default_rng(seed).standard_normal(source).astype(np.float32)
    expected = Image.fromarray(row[None]).resize((target, 1), Image.Resampling.BILINEAR)
    found = interpolation(source, target) @ row
    np.testing.assert_allclose(found, np.asarray(expected)[0], rtol=0, atol=1e-5)


@given(sides, sides)
def test_each_new_pixel_is_a_mean_of_the_old_ones(source, target):
    matrix = interpolation(source, target)
    assert matrix.shape == (target, source)
    assert matrix.dtype == np.float32
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)


@given(sides)
def test_an_axis_of_the_same_size_stays_as_it_is(side):
    np.testing.assert_array_equal(interpolation(side, side), np.eye(side))
