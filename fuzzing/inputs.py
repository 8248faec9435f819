"""Small valid inputs of every kind that hardmax reads."""

import gzip
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hardmax.networks.catalog import softmax_regression
from hardmax.networks.shapes import weight_shapes
from hardmax.runs.run import Run
from hardmax.runs.writer import RunWriter

__all__ = ["INPUTS", "write_run"]

CLASSES = ("cat", "dog")
FORMATS = ("png", "jpg", "gif", "bmp", "tif", "pgm", "webp")


#: The record of a small run.
RECORD: Any = {
    "settings": {"data": "digits", "seed": 0, "size": [4, 4], "hidden": None},
    "environment": {"python": "3.11"},
    "data": {
        "name": "digits",
        "fingerprint": "f00",
        "classes": CLASSES,
        "shape": (4, 4, 1),
        "train": 10,
        "validation": 2,
        "test": 5,
        "preprocessing": {},
    },
    "results": {
        "epochs": 2,
        "weights_epoch": 1,
        "interrupted": False,
        "stopped_early": False,
        "test": {},
    },
    "calibration": {"temperature": 1.5, "before": {}, "after": {}},
}


def _pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_folder(folder: Path) -> str:
    """Write four IDX files, two of them compressed."""
    for part, count in (("train", 12), ("t10k", 6)):
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(_idx(_pixels(count, 4, 4)), mtime=0)
        )
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(_idx(np.arange(count) % 2))
    return str(folder)


def npz(folder: Path) -> str:
    """Write images and labels, compressed, with a member that is not used."""
    y = np.array(CLASSES * 6)
    np.savez_compressed(folder / "data.npz", X=_pixels(12, 4, 4), y=y, other=np.arange(5.0))
    return str(folder / "data.npz")


def image_folder(folder: Path) -> str:
    """Write images of several formats, in folders of two classes."""
    for label in CLASSES:
        (folder / label).mkdir()
        for number, ending in enumerate(FORMATS):
            pixels = _pixels(5 + number, 6) if ending == "pgm" else _pixels(5 + number, 6, 3)
            Image.fromarray(pixels).save(folder / label / f"{number}.{ending}")
    return str(folder)


def image_table(folder: Path) -> str:
    """Write images of several formats, and a table that names them."""
    lines = ["file,label"]
    for label in CLASSES:
        for number, ending in enumerate(FORMATS):
            pixels = _pixels(5 + number, 6) if ending == "pgm" else _pixels(5 + number, 6, 3)
            Image.fromarray(pixels).save(folder / f"{label}{number}.{ending}")
            lines.append(f"{label}{number}.{ending},{label}")
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "data.csv")


def _frame_columns() -> dict[str, list[object]]:
    rows = range(40)
    return {
        "number": [i * 0.5 for i in rows],
        "name": ["abc"[i % 3] for i in rows],
        "flag": [i % 2 == 0 for i in rows],
        "day": [f"2020-01-{1 + i % 28:02}" for i in rows],
        "label": [CLASSES[i % 2] for i in rows],
    }


def csv(folder: Path) -> str:
    """Write a table of columns of all kinds as CSV, with quoted cells."""
    columns = _frame_columns()
    lines = [",".join(columns)]
    lines += [
        ",".join(f'"{cell}"' if cell == "cat" else str(cell) for cell in row)
        for row in zip(*columns.values(), strict=True)
    ]
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "data.csv")


def parquet(folder: Path) -> str:
    """Write the same table as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table(_frame_columns()), folder / "data.parquet")
    return str(folder / "data.parquet")


def compressed(folder: Path) -> str:
    """Write the same table as CSV in UTF-16, with lines above and below it, compressed."""
    text = Path(csv(folder)).read_text()
    lines = f"# made by a tool\n{text.replace(',', ';')}\nSource: none\n"
    Path(folder / "data.csv").unlink()
    (folder / "data.csv.gz").write_bytes(gzip.compress(lines.encode("utf-16"), mtime=0))
    return str(folder / "data.csv.gz")


def feather(folder: Path) -> str:
    """Write the same table as Feather."""
    import pyarrow as pa
    import pyarrow.feather

    pyarrow.feather.write_feather(pa.table(_frame_columns()), folder / "data.feather")
    return str(folder / "data.feather")


def json_lines(folder: Path) -> str:
    """Write the same table as JSON lines."""
    columns = _frame_columns()
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    (folder / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder / "data.jsonl")


def excel(folder: Path) -> str:
    """Write the same table as an Excel workbook."""
    import openpyxl

    book = openpyxl.Workbook()
    columns = _frame_columns()
    for row in ([*columns], *zip(*columns.values(), strict=True)):
        book.active.append(row)
    book.save(folder / "data.xlsx")
    return str(folder / "data.xlsx")


@dataclass(frozen=True)
class _Forged(Run):
    """A run whose weights get the header ``forged``."""

    forged: object = None

    def header(self) -> Any:
        return self.forged


def write_run(folder: Path, change: Callable[[object], Any] | None = None) -> str:
    """Write a run whose record and header ``change`` may replace, with right checksums."""
    shape, network = (4, 4, 1), softmax_regression(2)
    weights = {
        name: np.ones(size, np.float32) for name, size in weight_shapes(network, shape).items()
    }
    header = Run(RECORD, network, shape, CLASSES, weights).header()
    both = json.loads(json.dumps({"record": RECORD, "header": header}))
    both = change(both) if change else both
    record = both.get("record")
    run = _Forged(
        record if isinstance(record, dict) else {},
        network,
        shape,
        CLASSES,
        weights,
        forged=both.get("header"),
    )
    with RunWriter(folder / "run", "run") as writer:
        writer.write(run, [], "<p>report</p>", [])
        return str(writer.publish())


#: The writers of inputs, which return what is given to hardmax.
INPUTS: dict[str, Callable[[Path], str]] = {
    "idx": idx_folder,
    "npz": npz,
    "images": image_folder,
    "image table": image_table,
    "csv": csv,
    "parquet": parquet,
    "compressed": compressed,
    "feather": feather,
    "jsonl": json_lines,
    "xlsx": excel,
    "run": write_run,
}
