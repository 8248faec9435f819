"""The files of the repository outside of ``docs/`` that are pages or files of the site.

Links between them and the pages in ``docs/`` are written for the repository; here they become those
of the site, so that the same Markdown is right in both. ``mkdocs build --strict`` fails at a link
to anything else in the repository.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

#: The names on the site, by the path in the repository. A folder stands for its page.
NAMES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "LICENSE": "license.txt",
    "constraints.txt": "constraints.txt",
    "examples": "examples.md",
}
PATHS = {name: path for path, name in NAMES.items()}

#: A link in Markdown: what is before its target, the target without its anchor.
LINK = re.compile(r"(\]\()([^()\s#:]+)(?=[)#])")

EXAMPLES = """# Examples

Scripts to start from, in the folder `examples` of the repository.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository to those of the site."""
    for path, name in NAMES.items():
        text = examples() if path == "examples" else (ROOT / path).read_text("utf-8")
        files.append(File.generated(config, name, content=text))
    return files


def examples() -> str:
    """Return the page of the examples, which has their code."""
    parts = [EXAMPLES]
    for script in sorted((ROOT / "examples").glob("*.py")):
        parts.append(f"## {script.name}\n\n```python\n{script.read_text('utf-8')}```\n")
    return "\n".join(parts)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page with links for the site."""
    name = page.file.src_uri
    folder = posixpath.dirname(PATHS.get(name, f"docs/{name}"))

    def of_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        known = NAMES.get(target) or target.removeprefix("docs/")
        stem, extension = posixpath.splitext(known)
        if extension == ".ipynb" and f"{stem}.md" != name:  # its own notebook can be downloaded
            known = f"{stem}.md"
        if files.get_file_from_path(known) is None:
            return link[0]
        return link[1] + posixpath.relpath(known, posixpath.dirname(name) or ".")

    return LINK.sub(of_site, markdown)
