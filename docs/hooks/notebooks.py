"""Pages from notebooks: each is executed at the build, and its outputs become part of the page.

Notebooks are committed without outputs. A cell that fails, or that prints what is only true on one
computer, ends the build.
"""

import asyncio
import os
import posixpath
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert.exporters import MarkdownExporter

#: The seconds that a cell, and the start of a kernel, may take.
TIMEOUT = 900

HERE = Path(__file__).parent

#: One thread, because the other notebook needs the cores as well. TensorFlow otherwise prints that
#: it uses oneDNN, with the time and its process number.
SETTINGS = {"OMP_NUM_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}

#: A command that fails (`!hardmax train`) fails its cell.
ARGUMENTS = ["--log-level=ERROR", "--InteractiveShell.system_raise_on_error=True"]

#: Executed notebooks by their contents, so that `mkdocs serve` executes only those that change.
executed: dict[str, nbformat.NotebookNode] = {}

#: The addresses of objects in memory.
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Execute the notebooks, two at a time, and add their pages."""
    notebooks = [file for file in files if file.src_uri.endswith(".ipynb")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        pages = [*pool.map(page, notebooks)]
    for notebook, (text, pictures) in zip(notebooks, pages, strict=True):
        name = notebook.src_uri.removesuffix(".ipynb")
        files.append(File.generated(config, f"{name}.md", content=text))
        for path, content in pictures.items():
            target = posixpath.join(posixpath.dirname(name), path)
            files.append(File.generated(config, target, content=content))
    return files


def page(file: File) -> tuple[str, dict[str, bytes]]:
    """Return the Markdown of a notebook, and its pictures by their paths beside the page."""
    source = file.content_string
    if source not in executed:
        executed[source] = execute(file.src_uri, nbformat.reads(source, as_version=4))
    exporter = MarkdownExporter(
        extra_template_basedirs=[str(HERE / "templates")], template_name="page"
    )
    stem = Path(file.src_uri).stem
    resources = {
        "unique_key": stem,
        "output_files_dir": f"{stem}_files",
        "notebook": Path(file.src_uri).name,
    }
    text, resources = exporter.from_notebook_node(executed[source], resources)
    return text, resources["outputs"]


def execute(name: str, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Execute a notebook in an empty folder, with the Python of this process."""
    env = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"} | SETTINGS
    env["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            timeout=TIMEOUT,
            startup_timeout=TIMEOUT,
            iopub_timeout=TIMEOUT,
            raise_on_iopub_timeout=True,
            coalesce_streams=True,
            extra_arguments=ARGUMENTS,
        )
        try:
            asyncio.run(client.async_execute(env=env))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            number = sum("execution" in cell.metadata for cell in notebook.cells)
            raise PluginError(f"{name}: code cell {number} failed\n{error}") from None
    paths = [gettempdir(), str(HERE.parents[1]), f"{Path.home()}/", sys.prefix]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        for output in cell.outputs:
            found = local_parts(output, paths)
            if found:
                raise PluginError(f"{name}: the output of code cell {number} has {found[0]}")
    return notebook


def local_parts(output: nbformat.NotebookNode, paths: list[str]) -> list[str]:
    """Return what an output has of this computer: paths of it, or addresses in its memory."""
    data = {kind: text for kind, text in output.get("data", {}).items() if "text/" in kind}
    text = "\n".join([output.get("text", ""), *data.values()])
    return [path for path in paths if path in text] + ADDRESS.findall(text)
