"""``python -m fuzzing``: reads many damaged inputs, and reports those that end otherwise."""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from fuzzing.mutant import prepare, run


def main() -> int:
    """Run the mutants; return 1 if any of them failed."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first mutant")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.mutants)
    print(f"{options.mutants} mutants, seeds {seeds[0]} to {seeds[-1]}", flush=True)
    start, outcomes, failures = time.monotonic(), Counter[str](), 0
    with tempfile.TemporaryDirectory(prefix="hardmax-fuzzing-") as scratch:
        os.environ["HARDMAX_CACHE"] = str(Path(scratch) / "cache")
        with ProcessPoolExecutor(
            options.processes, get_context("spawn"), initializer=prepare, max_tasks_per_child=1000
        ) as pool:
            for seed, (kind, outcome) in zip(
                seeds, pool.map(partial(run, Path(scratch)), seeds, chunksize=10), strict=True
            ):
                known = outcome in ("read", "refused")
                outcomes[f"{kind} {outcome}" if known else f"{kind} failed"] += 1
                if not known:
                    failures += 1
                    print(f"seed {seed}, {kind}: {outcome}", flush=True)
    for name, count in sorted(outcomes.items()):
        print(f"{name}: {count}")
    print(f"{failures} failures in {time.monotonic() - start:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
