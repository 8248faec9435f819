"""The runs that are served, and the requests for them with the right answers."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.serving.client import Request, encoded

__all__ = ["CASES", "HARDMAX", "Case", "of_plain", "of_tensors", "right"]

#: Returns the probabilities of an answer.
Found = Callable[[dict], list[float]]

#: The command.
HARDMAX = str(Path(sys.executable).with_name("hardmax"))

#: The largest difference between probabilities.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Case:
    """A run, its ONNX file, and examples for it.

    ``feeds`` are the inputs of the ONNX file of each example, and ``rows`` the same as JSON.
    """

    title: str
    is_table: bool
    run: Path
    model: Path
    feeds: list[dict[str, np.ndarray]]
    rows: list[object]
    body: Callable[[object], object]

    def session(self) -> onnxruntime.InferenceSession:
        """Return a session of the ONNX file."""
        return onnxruntime.InferenceSession(self.model, providers=["CPUExecutionProvider"])

    def expected(self) -> list[np.ndarray]:
        """Return the probabilities of each example, computed alone, float32 (classes,)."""
        session = self.session()
        return [session.run(["probabilities"], feeds)[0][0] for feeds in self.feeds]

    def requests(self, path: str, found: Found) -> list[Request]:
        """Return a request for each example; ``found`` returns the probabilities of an answer."""

        def request(row: object, expected: np.ndarray) -> Request:
            content = encoded(path, json.dumps(self.body(row)).encode(), "application/json")
            return Request(content, right(found, expected))

        return [*map(request, self.rows, self.expected())]


def right(found: Found, expected: np.ndarray) -> Callable[[int, bytes], bool]:
    """Return whether an answer has the expected probabilities."""

    def is_right(status: int, content: bytes) -> bool:
        return status == 200 and np.allclose(
            found(json.loads(content)), expected, rtol=0, atol=TOLERANCE
        )

    return is_right


def of_plain(answer: dict) -> list[float]:
    """Return the probabilities in the answer to a plain request with one example."""
    return [*answer["predictions"][0]["probabilities"].values()]


def of_tensors(answer: dict) -> list[float]:
    """Return the probabilities in an answer of the Open Inference Protocol."""
    return next(one["data"] for one in answer["outputs"] if one["name"] == "probabilities")


def hardmax(*arguments: object) -> None:
    """Run a command of hardmax."""
    subprocess.run([HARDMAX, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def small_case(folder: Path) -> Case:
    """Return rows of numbers, and the networks of ``auto`` for them."""
    return table_case(folder, "the networks of auto")


def wide_case(folder: Path) -> Case:
    """Return the same rows, and a network that is far quicker for many rows than one by one."""
    hidden = ",".join(["4096"] * 2)
    return table_case(
        folder, f"an MLP with hidden layers {hidden}", "--model", "mlp", "--hidden", hidden
    )


def table_case(folder: Path, network: str, *options: object) -> Case:
    """Return the rows of a table of 30 columns of numbers, and the network of these options."""
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    data = folder / "cells.csv"
    frame.to_csv(data, index=False)
    run = folder / "cells"
    hardmax("train", data, "--label", "target", *options, "--epochs", 2, "--out", run)
    hardmax("export", run, "--out", run.with_suffix(".onnx"))
    rows = [row for _, row in frame.drop(columns="target").iterrows()]
    return Case(
        f"a row of 30 numbers, {network}",
        True,
        run,
        run.with_suffix(".onnx"),
        [{name: np.array([value]) for name, value in row.items()} for row in rows],
        [row.to_dict() for row in rows],
        lambda row: row,
    )


def image_case(folder: Path) -> Case:
    """Return the digits of 8 x 8 pixels that come with scikit-learn, and a residual network."""
    from sklearn.datasets import load_digits

    run = folder / "digits"
    hardmax("train", "digits", "--model", "small-resnet", "--epochs", 1, "--out", run)
    hardmax("export", run, "--out", run.with_suffix(".onnx"))
    images = (load_digits().images * 15).astype(np.uint8)[..., np.newaxis]
    return Case(
        "an image of 8 x 8, small-resnet",
        False,
        run,
        run.with_suffix(".onnx"),
        [{"images": image[np.newaxis]} for image in images],
        [image.ravel().tolist() for image in images],
        lambda pixels: {
            "inputs": [
                {"name": "images", "datatype": "UINT8", "shape": [1, 8, 8, 1], "data": pixels}
            ]
        },
    )


CASES = small_case, wide_case, image_case
