"""Links from a report to the files of the images that it shows."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = ["Links"]


@dataclass(frozen=True)
class Links:
    """Links from a page in the folder ``page`` to files in the folders of the data.

    ``test`` is the folder of the test set, ``data`` that of the other sets; both are absolute.
    """

    page: str
    data: str
    test: str

    def href(self, part: str, name: str | int) -> str | None:
        """Return the address of a file of a set, relative to the page if that is possible.

        None if there is no such file, or if ``name`` is the number of an example.
        """
        if isinstance(name, int):
            return None
        path = os.path.join(self.test if part == "test" else self.data, name)
        if not os.path.isfile(path):
            return None
        try:
            relative = os.path.relpath(path, self.page)
        except ValueError:  # on another drive
            return Path(path).as_uri()
        # Colons are quoted as well, so that no name is taken for an address of another scheme.
        return quote(os.fsencode(relative.replace(os.sep, "/")))
