"""The OpenAPI description: schemathesis finds no answer that it does not describe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import serving

pytest.importorskip("schemathesis")

TESTS = Path(__file__).parents[2]


def check(server, *options):
    """Run all checks of schemathesis with requests that are as described, and others."""
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.address}openapi.json"),
            *("--phases", "coverage,fuzzing", "--max-examples", "4", "--seed", "1"),
            *options,
        ],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "request_bodies", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 500 " not in server.log.read_text()


def test_rows(table_run, tmp_path):
    with serving(tmp_path, table_run, "--abstain-below", "0.9") as server:
        check(server)


def test_images_with_a_token(image_run, tmp_path):
    (tmp_path / "token").write_text("abc")
    with serving(tmp_path, image_run, "--token-file", "token") as server:
        check(server, "--header", "Authorization: Bearer abc")
