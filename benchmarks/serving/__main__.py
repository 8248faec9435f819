"""Measures how fast ``hardmax serve`` answers: ``python -m benchmarks.serving``."""

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.options import are_installed, parser, positive
from benchmarks.serving.cases import CASES, Case, of_plain, of_tensors
from benchmarks.serving.client import send
from benchmarks.serving.servers import hardmax_server, litserve_server
from benchmarks.tables import environment, show_progress, table, write

PACKAGES = ("hardmax", "onnxruntime", "starlette", "uvicorn", "litserve")

#: The clients of a server under load, and the most examples of a batch.
CLIENTS = 64

#: The most milliseconds over ONNX Runtime alone, and the least gain of many clients.
OVERHEAD, GAIN = 1.0, 5.0

#: The milliseconds from which on computing a request counts for more than HTTP does. Of quicker
#: networks, more answers than HTTP allows cannot be had.
SLOW = 2.0

HEADER = ("", "median ms", "over ONNX Runtime, ms", "per s, 1 client", f"per s, {CLIENTS} clients")

ALONE, HARDMAX, SINGLY, LITSERVE = (
    "onnxruntime alone, one after the other",
    "hardmax serve",
    "hardmax serve --max-batch 1",
    "LitServe, batches of 64",
)


@dataclass
class Figures:
    """The median seconds of a request of each round, and the requests per second."""

    latency: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)


def main() -> int:
    taken = parser("serving", __doc__, rounds=5, check="hardmax is slower than its bounds")
    taken.add_argument(
        "--count", type=positive, default=2000, help="the requests of a round (default: 2000)"
    )
    options = taken.parse_args()
    if not are_installed(PACKAGES):
        return 2
    texts, failures = [], []
    for make in CASES:
        with tempfile.TemporaryDirectory() as folder:
            show_progress("training")
            case = make(Path(folder))
            figures = measure(case, options.rounds, options.count)
        texts.append(f"**{case.title}**\n\n{report(figures)}")
        failures += [f"{case.title}: {one}" for one in failures_of(figures)]
    show_progress("")
    rounds = f"{options.rounds} rounds of {options.count} requests, medians over the rounds"
    text = "\n\n".join([f"{environment(PACKAGES)}; {rounds}.", *texts])
    print(text)
    if options.write:
        write("serving", text)
    if options.check and failures:
        print(*failures, sep="\n", file=sys.stderr)
        return 1
    return 0


@contextmanager
def servers(case: Case) -> Iterator[dict[str, tuple[int, list]]]:
    """Start the servers; yield the port and the requests of each."""
    if case.is_table:
        ours = case.requests("/predict", of_plain)
    else:
        ours = case.requests("/v2/models/digits/infer", of_tensors)
    theirs = case.requests("/predict", lambda answer: [*answer["probabilities"].values()])
    with (
        hardmax_server(case.run) as (port, _),
        hardmax_server(case.run, "--max-batch", 1) as (single, _),
        litserve_server(case, CLIENTS) as (other, _),
    ):
        yield {HARDMAX: (port, ours), SINGLY: (single, ours), LITSERVE: (other, theirs)}


def measure(case: Case, rounds: int, count: int) -> dict[str, Figures]:
    """Return the figures of each contender, who take turns; the first round is not counted.

    Raises RuntimeError if an answer is wrong.
    """
    figures = {name: Figures() for name in (ALONE, HARDMAX, SINGLY, LITSERVE)}
    session = case.session()

    def compute(i: int) -> None:
        session.run(["label", "probabilities"], case.feeds[i % len(case.feeds)])

    with servers(case) as started:
        for number in range(rounds + 1):
            show_progress(f"{case.title}, round {number} of {rounds}")
            gc.collect()
            seconds = timed(compute, count)
            found = {ALONE: (median(seconds), count / sum(seconds), count / sum(seconds))}
            for name, (port, requests) in started.items():
                loads = [send(port, requests, count, clients) for clients in (1, CLIENTS)]
                if wrong := [one for load in loads for one in load.wrong]:
                    raise RuntimeError(f"{name} gave a wrong answer: {wrong[0]}")
                found[name] = (median(loads[0].seconds), loads[0].rate, loads[1].rate)
            for name, values in found.items():
                if number:
                    for values_of, value in zip(vars(figures[name]).values(), values, strict=True):
                        values_of.append(value)
    return figures


def timed(compute: Callable[[int], None], count: int) -> list[float]:
    """Return the seconds that each of ``count`` calls takes."""
    seconds = []
    for i in range(count):
        start = time.perf_counter()
        compute(i)
        seconds.append(time.perf_counter() - start)
    return seconds


def overhead(figures: dict[str, Figures], name: str) -> float:
    """Return the median milliseconds of a request over those of ONNX Runtime alone."""
    rounds = zip(figures[name].latency, figures[ALONE].latency, strict=True)
    return 1000 * median(ours - alone for ours, alone in rounds)


def gain(figures: dict[str, Figures]) -> float:
    """Return how many times as many requests are answered in batches as one at a time."""
    rounds = zip(figures[HARDMAX].together, figures[SINGLY].together, strict=True)
    return median(ours / single for ours, single in rounds)


def report(figures: dict[str, Figures]) -> str:
    """Return the table as Markdown."""
    rows = []
    for name, found in figures.items():
        rows.append(
            (
                name,
                f"{1000 * median(found.latency):.2f}",
                "" if name == ALONE else f"{overhead(figures, name):.2f}",
                f"{median(found.alone):.0f}",
                "" if name == ALONE else f"{median(found.together):.0f}",
            )
        )
    return table(HEADER, rows)


def failures_of(figures: dict[str, Figures]) -> list[str]:
    """Return which bounds do not hold."""
    is_slow = 1000 * median(figures[ALONE].latency) >= SLOW
    failures = []
    if overhead(figures, HARDMAX) > OVERHEAD:
        failures.append(f"{overhead(figures, HARDMAX):.2f} ms over ONNX Runtime alone")
    if is_slow and gain(figures) < GAIN:
        failures.append(f"{CLIENTS} clients get {gain(figures):.1f} times as many answers")
    return failures


if __name__ == "__main__":
    sys.exit(main())
