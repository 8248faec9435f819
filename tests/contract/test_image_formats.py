"""A folder of color images in many formats, learned with no option at all."""

import json
import os

import numpy as np
import pytest
from PIL import Image, ImageDraw

#: How many images each class has; together 601.
COUNTS = {"disc": 121, "square": 120, "cross": 120, "stripes": 120, "rings": 120}
EXIF_ORIENTATION = 0x0112


def drawn(kind, generator):
    """Return a color image of a shape, of any size and in any two colors that differ well."""
    width, height = map(int, generator.integers(36, 72, 2))
    dark, light = generator.integers(0, 90, 3), generator.integers(150, 256, 3)
    ground, ink = map(tuple, (dark, light) if generator.random() < 0.5 else (light, dark))
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    side = int(min(width, height) * generator.uniform(0.5, 0.8))
    left = int(generator.integers(0, width - side + 1))
    top = int(generator.integers(0, height - side + 1))
    right, bottom, third = left + side, top + side, side // 3
    if kind == "disc":
        draw.ellipse((left, top, right, bottom), fill=ink)
    elif kind == "square":
        draw.rectangle((left, top, right, bottom), fill=ink)
    elif kind == "cross":
        draw.rectangle((left + third, top, right - third, bottom), fill=ink)
        draw.rectangle((left, top + third, right, bottom - third), fill=ink)
    elif kind == "stripes":
        for row in range(top, bottom, max(side // 4, 4)):
            draw.rectangle((left, row, right, row + side // 9), fill=ink)
    else:
        for inset in range(0, side // 2, max(side // 5, 4)):
            box = (left + inset, top + inset, right - inset, bottom - inset)
            draw.ellipse(box, outline=ink, width=max(side // 12, 2))
    noise = generator.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def save_as(image, stem, number):
    """Write an image in one of ten ways, chosen by its number."""
    match number % 10:
        case 0:
            image.save(f"{stem}.png")
        case 1:
            image.quantize(64).save(f"{stem}.png")
        case 2:
            image.convert("RGBA").save(f"{stem}.png")
        case 3:
            gray = np.asarray(image.convert("L")).astype(np.uint16) * 257
            Image.fromarray(gray).save(f"{stem}.png")
        case 4:
            image.convert("CMYK").save(f"{stem}.jpg", quality=95)
        case 5:
            exif = Image.Exif()
            exif[EXIF_ORIENTATION] = 6
            image.transpose(Image.Transpose.ROTATE_90).save(f"{stem}.JPEG", exif=exif, quality=95)
        case 6:
            image.save(f"{stem}.gif")
        case 7:
            image.save(f"{stem}.webp", quality=95)
        case 8:
            image.save(f"{stem}.bmp")
        case _:
            image.save(f"{stem}.tiff")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """A folder of such images, in nested, hidden and linked folders, and a separate cache."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for kind, count in COUNTS.items():
        for number in range(count):
            nested = ("", "a/b")[number % 4 == 0]
            place = folder / "shapes" / kind / nested
            place.mkdir(parents=True, exist_ok=True)
            save_as(drawn(kind, generator), place / f"{number:03}", number)
    (folder / "shapes" / "disc" / ".hidden.png").write_bytes(b"no image")
    (folder / "shapes" / ".cache").mkdir()
    linked = folder / "elsewhere"
    (folder / "shapes" / "rings").rename(linked)
    os.symlink(linked, folder / "shapes" / "rings")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARDMAX_CACHE", str(folder / "cache"))
        yield folder / "shapes"


@pytest.mark.slow
def test_a_folder_of_all_formats_is_learned_with_no_option(hardmax_process, framework, shapes):
    # The framework is what the test varies; everything else is the default.
    done = hardmax_process("train", shapes, "--framework", framework, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert "601 images of 5 classes" in done.stderr
    assert "auto: model small-resnet" in done.stderr
    test = json.loads(done.stdout)["test"]
    assert test["count"] == 120
    # Measured: 0.99 to 1.00 with the seeds 0 to 2; the bound is what is promised.
    assert test["accuracy"] >= 0.9


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(("model", "least"), [("lenet", 0.45), ("lenet-modern", 0.6)])
def test_lenet_learns_the_folder_by_its_own_recipe(
    hardmax_process, framework, shapes, model, least
):
    options = ("--model", model, "--size", 64, "--no-baselines", "--out", "run", "--json")
    done = hardmax_process("train", shapes, "--framework", framework, *options)
    assert done.returncode == 0, done.stderr
    # Chance is 0.2; measured with the seeds 0 and 1: 0.74 to 0.77, and 0.79 to 0.83 with ReLU.
    assert json.loads(done.stdout)["test"]["accuracy"] >= least
