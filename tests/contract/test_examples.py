"""The Python code of the README and of pages in docs/, in every framework, and examples/."""

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[2]


def blocks(page):
    """Return the blocks of Python code of a page."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)


#: Each block of the README runs alone, those of the other pages after one another.
BLOCKS = [
    *blocks("README.md"),
    *("\n".join(blocks(f"docs/{name}.md")) for name in ("python", "exactness")),
]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(few_clothes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_code_of_the_pages_runs(framework, code, tmp_path, capsys):
    (tmp_path / "block.py").write_text(code.replace("import torch", f"import {framework}"))
    runpy.run_path(str(tmp_path / "block.py"))
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.shared
@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*.py")), ids=lambda path: path.stem)
def test_the_examples_run(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert "accuracy" in capsys.readouterr().out
