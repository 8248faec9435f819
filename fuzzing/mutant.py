"""One mutant: making it, reading it, and how that ended."""

import random
import re
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fuzzing.checks import read
from fuzzing.inputs import INPUTS, write_run
from fuzzing.mutations import damaged, damaged_json
from hardmax.errors import HardmaxError

__all__ = ["prepare", "run"]

#: What a mutant may take: seconds of processor time, and bytes more than before.
MAX_SECONDS, MAX_MEMORY = 10, 500 * 2**20

#: More than any mutant may take, so that a failure does not take the machine down.
MEMORY_LIMIT = 8 * 2**30


def prepare() -> None:
    """Prepare a process that runs mutants: import what they need, so that it is not counted."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.signal(signal.SIGALRM, _stop)
    with tempfile.TemporaryDirectory() as scratch:
        for kind, write in INPUTS.items():
            folder = Path(scratch) / kind
            folder.mkdir()
            read(kind, write(folder))


def _stop(number: int, frame: object) -> None:
    raise TimeoutError(f"not done after {3 * MAX_SECONDS} s")


def run(scratch: Path, seed: int) -> tuple[str, str]:
    """Return the kind of the mutant with a seed, and ``read``, ``refused`` or how it failed."""
    random_source = random.Random(seed)
    kind = random_source.choice([*INPUTS])
    folder = scratch / str(seed)
    folder.mkdir()
    try:
        source = make(kind, folder, random_source)
        with _limited():
            read(kind, source)
        return kind, "read"
    except HardmaxError as error:
        is_one_line = len(str(error).splitlines()) == 1 and len(str(error)) <= 1000
        return kind, "refused" if is_one_line else f"a message of {len(str(error))} characters"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return kind, f"{type(error).__name__}: {str(error)[:300]} ({place.filename}:{place.lineno})"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make(kind: str, folder: Path, random_source: random.Random) -> str:
    """Write a mutant of a kind into a folder and return its path."""
    if kind == "run" and random_source.random() < 0.8:
        return write_run(folder, partial(damaged_json, random_source))
    source = INPUTS[kind](folder)
    for _ in range(random_source.choice((1, 1, 3))):
        path = random_source.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
        path.write_bytes(damaged(random_source, path.read_bytes()))
    return source


@contextmanager
def _limited() -> Iterator[None]:
    """Raise AssertionError if the block takes more time or memory than a mutant may."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of the block
    memory, start = _memory("VmRSS"), time.process_time()
    signal.alarm(3 * MAX_SECONDS)  # other processes may keep the cores busy
    try:
        yield
    finally:
        signal.alarm(0)
        seconds, taken = time.process_time() - start, _memory("VmHWM") - memory
        assert seconds <= MAX_SECONDS, f"{seconds:.1f} s"
        assert taken <= MAX_MEMORY, f"{taken / 2**20:.0f} MiB"


def _memory(name: str) -> int:
    """Return the memory of this process in bytes, now (VmRSS) or at its peak (VmHWM)."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
