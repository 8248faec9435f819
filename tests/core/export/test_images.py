"""Images in ONNX graphs have the pixels that they have everywhere else."""

import functools

import numpy as np
import onnx
import onnxruntime as ort
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import noise, save, to_pillow

from hardmax.data.datasets import SCALE
from hardmax.data.images.files import convert_channels, read_image
from hardmax.data.images.resizing import resize
from hardmax.data.options import RESIZES, ReadingOptions
from hardmax.export.graph import FLOAT, Graph
from hardmax.export.images import add_images

ORANGE, HEIGHT, WIDTH = "#ff8001", 9, 13

channel_counts = pytest.mark.parametrize("channels", [1, 3])
resizings = pytest.mark.parametrize("resizing", RESIZES)


def new_session(shape, reading):
    graph = Graph()
    images = add_images(graph, shape, reading)
    graph.output("pixels", images, FLOAT, "examples", shape[2], *shape[:2])
    model = graph.model("images", {})
    onnx.checker.check_model(model, full_check=True)
    return ort.InferenceSession(model.SerializeToString())


session = functools.cache(new_session)


def pixels_of(found):
    """Return scaled pixels (examples, channels, height, width) as images of bytes."""
    pixels = np.rint(found * 255).astype(np.uint8)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, pixels * np.float32(SCALE))
    np.testing.assert_array_max_ulp(found, (pixels / 255).astype(np.float32), 1)
    return pixels.transpose(0, 2, 3, 1)


def check(images, shape, reading):
    """Compare images with those that a classifier in Python would have."""
    (found,) = session(shape, reading).run(None, {"images": images})
    expected = resize(convert_channels(images, shape[2]), shape[:2], reading)
    np.testing.assert_array_equal(pixels_of(found), expected)


def options(resizing, background=ORANGE):
    return ReadingOptions(resize=resizing, background=background)


@resizings
@channel_counts
@given(
    examples=st.integers(1, 3),
    height=st.integers(1, 80) | st.just(HEIGHT),
    width=st.integers(1, 80) | st.just(WIDTH),
    stored=st.sampled_from([1, 3]),
    is_sharp=st.booleans(),
    seed=st.integers(0, 999),
)
def test_images_of_any_size_equal_those_in_python(
    resizing, channels, examples, height, width, stored, is_sharp, seed
):
    images = noise(examples, height, width, stored, seed=seed)
    if is_sharp:
        images = np.where(images > 127, np.uint8(255), np.uint8(0))
    check(images, (HEIGHT, WIDTH, channels), options(resizing))


@resizings
@channel_counts
@pytest.mark.parametrize("stored", [1, 3])
@pytest.mark.parametrize(
    "size", [(28, 30), (1, 1), (14, 15), (56, 60), (20, 30), (28, 3), (701, 500), (500, 1003)]
)
def test_chosen_sizes_equal_those_in_python(resizing, channels, stored, size):
    """Among them the size of the network, some of its ratio, and larger photographs."""
    check(noise(2, *size, stored), (28, 30, channels), options(resizing))


@resizings
@pytest.mark.parametrize("size", [(1, 2000), (2000, 21), (64, 9), (9, 64), (1, 64)])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 1), (64, 64, 1)])
def test_extreme_shapes_equal_those_in_python(resizing, size, shape):
    check(noise(1, *size, 3), shape, options(resizing))


@pytest.mark.parametrize("background", [None, "black", ORANGE])
@channel_counts
def test_padding_has_the_color_of_the_background(background, channels):
    reading = options("pad", background)
    check(noise(1, 5, 20, 3), (8, 8, channels), reading)
    (found,) = session((8, 8, channels), reading).run(None, {"images": noise(1, 5, 20, 3)})
    color = Image.new("RGB", (1, 1), background or "white").convert("RGB" if channels > 1 else "L")
    assert pixels_of(found)[0, 0, 0].tobytes() == color.tobytes()


def all_opacities():
    """Return an image with every value of a channel in every opacity."""
    values, opacity = np.mgrid[:256, :256].astype(np.uint8)
    return np.dstack([values, values[::-1], (values * 7) ^ 5, opacity])


@pytest.mark.parametrize("background", [None, ORANGE])
@channel_counts
@pytest.mark.parametrize(
    ("size", "resizing"), [((256, 256), "crop"), *(((40, 70), how) for how in RESIZES)]
)
def test_transparent_images_equal_those_in_files(background, channels, size, resizing, tmp_path):
    image, shape, reading = all_opacities(), (*size, channels), options(resizing, background)
    save(tmp_path / "a.png", image)
    expected, _ = read_image(tmp_path / "a.png", shape, reading)
    images = np.stack([image[::-1], image])
    (found,) = session(shape, reading).run(None, {"images": images})
    np.testing.assert_array_equal(pixels_of(found)[1], expected)


@channel_counts
def test_every_shade_of_gray_comes_from_colors_as_in_python(channels):
    blue, green = np.mgrid[:256, :256].astype(np.uint8)
    images = np.stack([np.dstack([np.full_like(blue, red), green, blue]) for red in (0, 91, 255)])
    check(images, (256, 256, channels), options("crop"))


@pytest.mark.parametrize(
    ("version", "are_rows_first"), [("10.3.0", True), ("13.0.0", False), ("14.1.0", False)]
)
def test_tall_images_are_resized_in_the_order_of_the_installed_pillow(
    version, are_rows_first, monkeypatch
):
    """Pillow is asked for one axis after the other; the other order gives other pixels."""
    monkeypatch.setattr(PIL, "__version__", version)
    images = noise(1, 70, 30, 3)
    orders = {True: [(13, 70), (13, 9)], False: [(30, 9), (13, 9)]}
    by_order = {}
    for name, sizes in orders.items():
        image = to_pillow(images[0])
        for size in sizes:
            image = image.resize(size, Image.Resampling.BILINEAR)
        by_order[name] = np.asarray(image)
    (found,) = new_session((9, 13, 3), options("squash")).run(None, {"images": images})
    assert not np.array_equal(by_order[True], by_order[False])
    np.testing.assert_array_equal(pixels_of(found)[0], by_order[are_rows_first])
