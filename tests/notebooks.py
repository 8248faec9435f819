"""Executing notebooks in a real kernel."""

import os
from typing import NamedTuple

import pytest


class Shown(NamedTuple):
    """A message by which a cell shows or updates an output, and its data by media type."""

    kind: str
    display_id: str | None
    data: dict


def executed(sources):
    """Execute the cells of a notebook, by name, in a kernel; return them with their outputs.

    The metadata of each has ``shown``: what it showed, in order. Cells that fail do not stop it.
    """
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")

    class Client(nbclient.NotebookClient):
        def process_message(self, msg, cell, cell_index):
            if msg["msg_type"].endswith("display_data"):
                content = msg["content"]
                shown = Shown(
                    msg["msg_type"], content["transient"].get("display_id"), content["data"]
                )
                cell.metadata.setdefault("shown", []).append(shown)
            return super().process_message(msg, cell, cell_index)

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources.values()]
    )
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    Client(notebook, kernel_name="python3", allow_errors=True, timeout=120).execute(env=env)
    return dict(zip(sources, notebook.cells, strict=True))
