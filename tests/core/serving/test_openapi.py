"""The OpenAPI description: schemathesis finds no answer that it does not describe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import serving

pytest.importorskip("schemathesis")

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def of_rows(table_run, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("rows"), table_run, "--abstain-below", "0.9") as server:
        yield server


@pytest.fixture(scope="module")
def of_images(image_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    (folder / "token").write_text("abc")
    with serving(folder, image_run, "--token-file", "token") as server:
        yield server


def check(server, phases, examples):
    """Run all checks of schemathesis with requests that are as described, and others."""
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.address}openapi.json"),
            *("--phases", phases, "--max-examples", str(examples), "--seed", "1"),
            *("--header", "Authorization: Bearer abc"),
        ],
        cwd=server.log.parent,  # it leaves files there
        env={**os.environ, "SCHEMATHESIS_HOOKS": "request_bodies", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
    assert " 500 " not in server.log.read_text()


def test_rows(of_rows):
    check(of_rows, "coverage", 1)


def test_images_with_a_token(of_images):
    check(of_images, "fuzzing", 2)
