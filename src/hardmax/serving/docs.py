"""The OpenAPI description of a server as a page."""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["document"]


def document(described: dict[str, Any]) -> bytes:
    """Return the page of an OpenAPI description, HTML that needs the style sheet of the pages."""
    return _template().render(described, shown=_shown).encode()


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("hardmax.serving", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("docs.html.jinja")


def _shown(schema: dict[str, Any]) -> str:
    """Return a schema as indented JSON, or nothing for content that is no JSON."""
    return json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
