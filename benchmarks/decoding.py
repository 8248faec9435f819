"""Measures how fast folders of JPEGs are read: ``python -m benchmarks.decoding``."""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.options import are_installed, parser, positive
from benchmarks.tables import environment, show_progress, table, write
from benchmarks.torchvision_import import import_torchvision

#: The height and width of the files and of what they are read as, and the images of a batch.
STORED, SIDE, BATCH = (384, 512), 64, 256

#: The largest mean absolute difference between the pixels that both read, of values in [0, 1]:
#: torchvision rounds the size before it cuts out the middle, hardmax does not.
TOLERANCE = 0.02

PACKAGES = ("hardmax", "torch", "torchvision", "PIL")


def main() -> int:
    taken = parser("decoding", __doc__, rounds=5, check="hardmax is slower")
    taken.add_argument(
        "--count", type=positive, default=10_000, help="the number of images (default: 10000)"
    )
    options = taken.parse_args()
    if not are_installed(PACKAGES):
        return 2
    import_torchvision()
    with tempfile.TemporaryDirectory() as folder:
        photographs = Path(folder, "photographs")
        make_photographs(photographs, options.count)
        seconds = measure(photographs, options.rounds)
    text = report(seconds, options.count)
    print(text)
    if options.write:
        write("decoding", text)
    if options.check and ratio(seconds) > 1:
        print(f"hardmax takes {ratio(seconds):.2f} of the time of torchvision", file=sys.stderr)
        return 1
    return 0


def make_photographs(folder: Path, count: int) -> None:
    """Write JPEGs in two classes, each cut at random from a photograph of scikit-learn."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    height, width = STORED
    for number in range(len(photos)):
        (folder / f"class {number}").mkdir(parents=True)

    def make(i: int) -> None:
        number, generator = i % len(photos), np.random.default_rng(i)
        photo, scale = photos[number], generator.uniform(0.5, 0.8)
        left, top = generator.uniform(
            0, [photo.width - scale * width, photo.height - scale * height]
        )
        box = (left, top, left + scale * width, top + scale * height)
        cut = photo.resize((width, height), Image.Resampling.BICUBIC, box)
        # Both contenders have this order: by class and name, or by name alone.
        cut.save(folder / f"class {number}" / f"{number} {i:05}.jpg", quality=90)

    show_progress("making photographs")
    with ThreadPoolExecutor() as pool:
        list(pool.map(make, range(count)))


def by_hardmax(folder: Path) -> np.ndarray:
    """Return the images that hardmax reads and passes to a network, one batch after the other."""
    from hardmax.data.load import load
    from hardmax.data.options import Reading
    from hardmax.torch.data import ImageData

    with tempfile.TemporaryDirectory() as cache:
        os.environ["HARDMAX_CACHE"] = cache
        images = load(str(folder), Reading(size=(SIDE, SIDE), whole=True)).train
        batches = ImageData(None, images, BATCH).val_dataloader()
        return np.concatenate([X.numpy() for X, _ in batches])


def by_torchvision(folder: Path) -> np.ndarray:
    """Return the images of torchvision's ImageFolder, read by as many processes as there are cores.

    That is the number of hardmax's threads.
    """
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    steps = [transforms.Resize(SIDE), transforms.CenterCrop(SIDE), transforms.ToTensor()]
    data = ImageFolder(str(folder), transforms.Compose(steps))
    batches = DataLoader(data, batch_size=BATCH, num_workers=os.cpu_count() or 1)
    return np.concatenate([X.numpy() for X, _ in batches])


CONTENDERS = {"hardmax": by_hardmax, "torchvision, ImageFolder and DataLoader": by_torchvision}


def measure(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each contender took in each round, after a warm-up round."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(rounds + 1):
        show_progress(f"round {number} of {rounds}")
        read = []
        for name in [*CONTENDERS][:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            images = CONTENDERS[name](folder)
            if number:
                seconds[name].append(time.perf_counter() - start)
            read.append(images)
        check_alike(*read)
    show_progress("")
    return seconds


def check_alike(images: np.ndarray, others: np.ndarray) -> None:
    """Raise ValueError unless both are about the same images."""
    if images.shape != others.shape or abs(images - others).mean() > TOLERANCE:
        raise ValueError(f"images of shape {images.shape} and {others.shape} are not the same")


def ratio(seconds: dict[str, list[float]]) -> float:
    """Return the median over the rounds of hardmax's part of the other's time."""
    return median(a / b for a, b in zip(*seconds.values(), strict=True))


def report(seconds: dict[str, list[float]], count: int) -> str:
    """Return the table and the environment as Markdown."""
    rows = [
        (name, f"{median(times):.1f}", f"{min(times):.1f}", f"{count / median(times):.0f}")
        for name, times in seconds.items()
    ]
    rounds = len(next(iter(seconds.values())))
    return "\n\n".join(
        [
            f"{environment(PACKAGES)}; {count} images, {os.cpu_count()} threads or processes, "
            f"{rounds} rounds. hardmax takes {ratio(seconds):.2f} of the time of torchvision "
            "(median over the rounds).",
            table(("", "s", "minimum", "images per s"), rows),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
