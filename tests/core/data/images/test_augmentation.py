"""The random changes of training images: what is drawn, for whom, and from what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from scipy.stats import beta, kstest

from hardmax.data.images.augmentation import (
    AUGMENTATIONS,
    BOX,
    COLOR,
    COLUMNS,
    LEAST_ASPECT,
    ROWS,
    SHARE,
    SMALLEST_CROP,
    Augmentation,
    parsed,
)
from hardmax.errors import ArgumentError

names = st.lists(st.sampled_from(AUGMENTATIONS), unique=True).map(tuple)
sides = st.integers(1, 300)
seeds = st.integers(0, 2**64)
epochs = st.integers(0, 99)


@given(names, sides, sides, st.integers(0, 50), seeds, epochs)
def test_changes_depend_on_the_seed_the_epoch_and_the_example(
    names, height, width, count, seed, epoch
):
    augmentation = Augmentation(names, height, width)
    changes = augmentation.draw(count, seed, epoch)
    assert (changes.shape, changes.dtype) == ((count, 12), np.float32)
    np.testing.assert_array_equal(changes, augmentation.draw(count + 9, seed, epoch)[:count])


def test_every_epoch_and_every_seed_has_other_changes():
    augmentation = Augmentation(AUGMENTATIONS, 28, 28)
    drawn = [augmentation.draw(5, *which) for which in ((0, 0), (0, 1), (1, 0))]
    assert len({changes.tobytes() for changes in drawn}) == 3


@given(names, sides, sides, seeds, epochs)
def test_each_augmentation_changes_the_same_with_and_without_the_others(
    names, height, width, seed, epoch
):
    changes = Augmentation(names, height, width).draw(20, seed, epoch)
    rows, columns = changes[:, ROWS], changes[:, COLUMNS]
    unchanged = np.tile(np.float32([0, 1]), (20, 1))
    assert Augmentation(names, height, width).moves == bool({"flip", "shift", "crop"} & {*names})
    if "crop" not in names:
        np.testing.assert_array_equal(abs(changes[:, [1, 3]]), 1)
        np.testing.assert_array_equal(changes[:, :4], np.round(changes[:, :4]))
        alone = Augmentation(("flip",), height, width).draw(20, seed, epoch)[:, 3]
        np.testing.assert_array_equal(columns[:, 1], alone if "flip" in names else 1)
    if not {"crop", "shift"} & {*names}:
        np.testing.assert_array_equal(rows, unchanged)
    if not {"crop", "shift", "flip"} & {*names}:
        np.testing.assert_array_equal(columns, unchanged)
    for name, part, nothing in (
        ("color", COLOR, [1, 0, 0]),
        ("cutout", BOX, [0, 0, 0, 0]),
        ("mixup", SHARE, [1]),
    ):
        alone = Augmentation((name,), height, width).draw(20, seed, epoch)[:, part]
        wanted = alone if name in names else np.tile(np.float32(nothing), (20, 1))
        np.testing.assert_array_equal(changes[:, part], wanted)


def test_half_of_the_images_are_flipped():
    changes = Augmentation(("flip",), 5, 7).draw(10_000, 0, 0)
    mirrored = changes[:, 3] == -1
    # Six standard deviations of a share of 10,000 are 0.03.
    assert mirrored.mean() == pytest.approx(0.5, abs=0.03)
    moves = changes[:, :4]
    np.testing.assert_array_equal(moves[mirrored], [[0, 1, 6, -1]] * mirrored.sum())
    np.testing.assert_array_equal(moves[~mirrored], [[0, 1, 0, 1]] * (~mirrored).sum())


@pytest.mark.parametrize(
    ("side", "largest"), [(6, 0), (8, 1), (28, 2), (32, 2), (64, 5), (224, 16)]
)
def test_shifts_are_whole_pixels_up_to_a_fourteenth_of_the_side(side, largest):
    changes = Augmentation(("shift",), side, 2 * side).draw(10_000, 0, 0)
    found, counts = np.unique(changes[:, 0], return_counts=True)
    np.testing.assert_array_equal(found, range(-largest, largest + 1))
    # Every shift is as frequent as the others, within six standard deviations.
    expected = 10_000 / len(found)
    assert abs(counts - expected).max() <= 6 * expected**0.5
    assert abs(changes[:, 2]).max() == round(2 * side / 14)


def test_crops_are_parts_of_the_image_within_their_bounds():
    height, width = 40, 60
    changes = Augmentation(("crop",), height, width).draw(10_000, 0, 0).astype(float)
    tops, lefts = changes[:, 0] + (1 - changes[:, 1]) / 2, changes[:, 2] + (1 - changes[:, 3]) / 2
    for first, size, side in ((tops, changes[:, 1], height), (lefts, changes[:, 3], width)):
        assert first.min() >= -1e-4
        assert (first + size * side).max() <= side + 1e-4
        # Both borders are reached.
        assert first.min() < 1
        assert (first + size * side).max() > side - 1
    areas, stretches = changes[:, 1] * changes[:, 3], changes[:, 1] / changes[:, 3]
    assert areas.max() <= 1 + 1e-6
    assert SMALLEST_CROP - 1e-6 <= areas.min() < SMALLEST_CROP + 0.02
    assert LEAST_ASPECT - 1e-6 <= stretches.min() < LEAST_ASPECT + 0.02
    assert 1 / LEAST_ASPECT - 0.02 < stretches.max() <= 1 / LEAST_ASPECT + 1e-6


@given(names, st.tuples(sides, sides), st.tuples(sides, sides), seeds)
def test_in_a_source_of_another_size_changes_are_the_same_parts_of_the_image(
    names, size, source, seed
):
    names = (*{*names, "crop"},)
    here = Augmentation(names, *size).draw(20, seed, 0).astype(float)
    there = Augmentation(names, *size, source).draw(20, seed, 0).astype(float)
    for axis in range(2):
        # The borders of the first and the last pixel, as parts of the side.
        borders = [
            (changes[:, 2 * axis, None] + 0.5 + changes[:, 2 * axis + 1, None] * ends) / sides[axis]
            for changes, sides in ((here, size), (there, source))
            for ends in [np.array([-0.5, size[axis] - 0.5])]
        ]
        # Steps are rounded, for 256 lines to 2**-14 pixels.
        rounding = size[axis] ** 2 * 2.0**-22 / min(size[axis], source[axis])
        np.testing.assert_allclose(*borders, atol=1e-4 + 2 * rounding)
    np.testing.assert_array_equal(here[:, 4:], there[:, 4:])


@given(st.tuples(sides, sides), st.tuples(sides, sides), seeds)
def test_products_of_steps_and_lines_are_exact(size, source, seed):
    changes = Augmentation(("crop", "flip"), *size, source).draw(20, seed, 0)
    for step, side, before in zip(changes[:, [1, 3]].T, size, source, strict=True):
        lines = np.arange(side, dtype=np.float32)
        if before < 4 * side:
            products = np.multiply.outer(step, lines)
            assert (products == np.multiply.outer(step.astype(float), lines)).all()


def test_unchanged_images_are_resized_as_a_whole():
    whole = Augmentation(("crop",), 4, 6, (8, 3)).unchanged(2)
    # The middle of the first of 4 rows is between the first two of 8.
    np.testing.assert_array_equal(whole[:, :4], [[0.5, 2, -0.25, 0.5]] * 2)


def test_colors_change_as_pillow_enhances_images():
    generator = np.random.default_rng(0)
    # No pixel is clipped, as Pillow clips after each step.
    image = generator.integers(80, 110, (9, 7, 3), dtype=np.uint8)
    changes = Augmentation(("color",), 9, 7).draw(200, 0, 0)[:, COLOR].astype(float)
    luma = np.asarray(Image.fromarray(image).convert("L"), float)[..., np.newaxis]
    for own, gray, flat in changes:
        brightness = own + gray + flat
        contrast = (own + gray) / brightness
        enhanced = Image.fromarray(image)
        for enhance, factor in (
            (ImageEnhance.Contrast, contrast),
            (ImageEnhance.Color, own / (own + gray)),
            (ImageEnhance.Brightness, brightness),
        ):
            enhanced = enhance(enhanced).enhance(factor)
        changed = own * image + gray * luma + flat * luma.mean()
        # Pillow drops fractions after each of the three steps.
        np.testing.assert_allclose(changed, np.asarray(enhanced), atol=4)


def test_factors_of_colors_lie_within_their_bounds():
    own, gray, flat = Augmentation(("color",), 5, 7).draw(10_000, 0, 0)[:, COLOR].T.astype(float)
    brightness = own + gray + flat
    for factor in (brightness, (own + gray) / brightness, own / (own + gray)):
        assert 0.6 - 1e-6 <= factor.min() < 0.61
        assert 1.39 < factor.max() <= 1.4 + 1e-6
        # Six standard deviations of the mean of 10,000 numbers.
        assert factor.mean() == pytest.approx(1, abs=6 * 0.8 / 12**0.5 / 100)


def test_boxes_have_half_the_sides_and_any_pixel_in_their_middle():
    top, bottom, left, right = Augmentation(("cutout",), 28, 11).draw(10_000, 0, 0)[:, BOX].T
    np.testing.assert_array_equal(bottom - top, 14)
    np.testing.assert_array_equal(right - left, 6)
    for first, length, side in ((top, 14, 28), (left, 6, 11)):
        middles, counts = np.unique(first + length // 2, return_counts=True)
        np.testing.assert_array_equal(middles, range(side))
        assert abs(counts - 10_000 / side).max() <= 6 * (10_000 / side) ** 0.5


def test_shares_are_those_of_the_beta_distribution():
    shares = Augmentation(("mixup",), 5, 7).draw(10_000, 0, 0)[:, SHARE].ravel().astype(float)
    assert kstest(shares, beta(0.2, 0.2).cdf).pvalue > 1e-6


def test_unknown_names_are_refused(refused):
    with refused(ArgumentError, "some of flip, shift, crop", "got 'flip,flop'"):
        Augmentation(("flip", "flop"), 5, 7)


@pytest.mark.parametrize(
    ("text", "expected"), [("none", ()), ("flip", ("flip",)), ("crop,flip", ("crop", "flip"))]
)
def test_augmentations_are_names_separated_by_commas(text, expected):
    assert parsed(text) == expected


@pytest.mark.parametrize(
    "text", ["", "flop", "flip,", "flip, shift", "none,flip", "Flip", "flip,flip"]
)
def test_other_augmentations_are_refused(text, refused):
    with refused(ArgumentError, "auto, none or some of flip, shift, crop", f"got {text!r}"):
        parsed(text)
