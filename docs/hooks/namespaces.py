"""The reference of the frameworks' namespaces: a page for each, with every public name.

What is the framework's own is described there. What all frameworks share is on the page
``reference/common.md``, to which its names are linked.
"""

from pathlib import Path

import griffe
from dynamic import Namespaces
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from hardmax.frameworks import FRAMEWORKS

HEAD = """# hardmax.{framework}

```python
from hardmax import {framework} as hm
```

{text}

[Shared by all frameworks](common.md) describes the base classes, from which these classes inherit
further methods, and the objects that `load_data`, `auto` and `load` return. What `None` stands for
in their settings is among the defaults in [settings](../settings.md).
"""

SHARED = """## Shared names

These are the same in all frameworks that have them.

| name | what it is |
|---|---|
"""

NATIVE = """## Names for the framework's own

The book's names for what the framework itself has.

| name | stands for |
|---|---|
"""

SOURCE = Path(__file__).parents[2] / "src"

#: The names that come first: the functions for own data.
OWN_DATA = ("load_data", "auto", "load")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    extensions = griffe.load_extensions(Namespaces)
    package = griffe.load("hardmax", extensions=extensions, search_paths=[SOURCE])
    for framework in FRAMEWORKS:
        name = f"reference/{framework}.md"
        files.append(File.generated(config, name, content=page(package[framework])))
    return files


def page(module: griffe.Module) -> str:
    """Return the page of a namespace."""
    names = [str(name) for name in module.exports if str(name) not in OWN_DATA]
    own: dict[str, list[str]] = {"Classes": [], "Functions": []}
    shared, native = [SHARED], [NATIVE]
    for name in names:
        if name == "plt":  # the modules' __getattr__ imports it
            native.append(f"| `{name}` | `matplotlib.pyplot` |\n")
            continue
        member = module.members[name]
        target = member.final_target if member.is_alias else member
        if target.is_attribute and isinstance(target.value, griffe.ExprAttribute):
            native.append(f"| `{name}` | `{target.value.canonical_path}` |\n")
        elif target.path.startswith(f"{module.path}."):
            own["Classes" if target.is_class else "Functions"].append(name)
        else:
            shared.append(f"| [`{name}`][{target.path}] | {summary(target)} |\n")
    text = module.docstring.value.split("\n\n", 1)[1].replace("``", "`")
    parts = [HEAD.format(framework=module.name, text=text)]
    for title, members in {"Own data": OWN_DATA, **own}.items():
        parts += [f"## {title}\n", *(f"::: {module.path}.{name}\n" for name in members)]
    return "\n".join([*parts, "".join(shared), "".join(native)])


def summary(member: griffe.Object) -> str:
    """Return the first line of a docstring."""
    return member.docstring.value.split("\n")[0].replace("``", "`")
