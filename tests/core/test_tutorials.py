"""The tutorials as they are committed; the build of the documentation executes them."""

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.ipynb"))


@pytest.fixture(params=TUTORIALS, ids=lambda path: path.stem)
def notebook(request):
    read = nbformat.read(request.param, nbformat.NO_CONVERT)
    nbformat.validate(read)
    return read


def test_there_are_tutorials():
    assert TUTORIALS


def test_nothing_of_an_execution_is_committed(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    for cell in code:
        assert (cell.outputs, cell.execution_count, cell.metadata) == ([], None, {}), cell.id
    assert notebook.metadata.kernelspec.name == "python3"
    assert "version" not in notebook.metadata.get("language_info", {})


def test_cells_have_names_that_stay(notebook):
    names = [cell.id for cell in notebook.cells]
    assert len({*names}) == len(names)
    # Random ones, as editors choose them.
    assert [name for name in names if re.fullmatch(r"[0-9a-f-]{8,}", name)] == []


def test_a_tutorial_begins_with_its_only_title(notebook):
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    titles = [line for text in texts for line in text.splitlines() if line.startswith("# ")]
    assert notebook.cells[0].source.startswith("# ")
    assert len(titles) == 1
