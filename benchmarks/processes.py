"""What several processes send each other in a step of training, and how long an epoch takes.

``python -m benchmarks.processes`` trains on Fashion-MNIST in one process and in several on this
machine. Other programs must not use the loopback interface meanwhile, whose counters are read.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.options import positive
from benchmarks.tables import environment, show_progress, table, write
from hardmax.processes.environment import environments
from hardmax.runs.run import Run

#: The steps of an epoch: batches of 256 of 60,000 images.
BATCH, STEPS = 256, 235

#: Longer and shorter trainings, whose difference is that of whole epochs.
EPOCHS = (1, 4)


def sent() -> int:
    """Return the bytes that this machine has sent to itself so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, figures = line.strip().partition(":")
        if name == "lo":
            return int(figures.split()[8])
    raise SystemExit("this machine has no loopback interface lo in /proc/net/dev")


def trained(framework: str, model: str, count: int, epochs: int) -> tuple[int, float, int]:
    """Train; return the bytes sent, the median seconds of an epoch, and the number of weights."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--model", model, "--framework", framework, "--epochs", str(epochs)]
        options += ["--batch-size", str(BATCH), "--lr", "0.1", "--no-baselines", "--out", "run"]
        program = ("-c", "from hardmax.cli.main import main; main()")
        command = [sys.executable, *program, "train", "fashion-mnist", *options]
        before = sent()
        started = [
            subprocess.Popen(command, cwd=folder, env=one, stdout=subprocess.DEVNULL)
            for one in environments(count)
        ]
        codes = [one.wait() for one in started]
        if any(codes):
            raise SystemExit(f"{' '.join(command)} failed")
        bytes_sent = sent() - before
        run = Path(folder, "run")
        lines = (run / "metrics.jsonl").read_text().splitlines()
        seconds = median(json.loads(line)["seconds"] for line in lines)
        return bytes_sent, seconds, Run.open(run).weight_count


def rows(framework: str, model: str, counts: list[int]) -> list[list[str]]:
    """Return the rows of the table for a framework and a model."""
    found, alone = [], 0.0
    for count in counts:
        (fewer, _, _), (more, seconds, weights) = (
            trained(framework, model, count, epochs) for epochs in EPOCHS
        )
        alone = alone or seconds
        volume = (more - fewer) / (STEPS * (EPOCHS[1] - EPOCHS[0]))
        least = 2 * (count - 1) * 4 * weights
        found.append(
            [
                f"{framework}, {model}",
                f"{weights:,}",
                str(count),
                f"{volume / 1000:,.1f}",
                f"{least / 1000:,.1f}",
                f"{seconds / alone:.2f}",
            ]
        )
        show_progress(", ".join(found[-1]))
    return found


def main() -> None:
    """Measure, and print the table."""
    options = argparse.ArgumentParser("python -m benchmarks.processes", description=__doc__)
    options.add_argument("--frameworks", nargs="+", default=["torch", "jax", "tensorflow"])
    options.add_argument("--models", nargs="+", default=["softmax-regression", "mlp"])
    options.add_argument("--counts", nargs="+", type=positive, default=[1, 2, 4])
    options.add_argument("--write", action="store_true", help="write the table into the README")
    asked = options.parse_args()
    header = ["", "weights", "processes", "kB sent per step", "gradients, kB", "time per epoch"]
    found = [
        row
        for framework in asked.frameworks
        for model in asked.models
        for row in rows(framework, model, asked.counts)
    ]
    show_progress("")
    text = f"{table(header, found)}\n\n{environment(asked.frameworks)}"
    print(text)
    if asked.write:
        write("processes", text)


if __name__ == "__main__":
    main()
