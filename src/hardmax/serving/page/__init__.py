"""The page of a server, for people: HTML, CSS and a script, which ask only the server itself."""

from importlib.resources import files

__all__ = ["page_files"]

#: The files of the page, and the media type of each.
MEDIA_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def page_files() -> dict[str, tuple[bytes, str]]:
    """Return the content and the media type of each file of the page, by name."""
    folder = files(__name__)
    return {name: ((folder / name).read_bytes(), kind) for name, kind in MEDIA_TYPES.items()}
