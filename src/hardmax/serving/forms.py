"""Uploaded files of forms, which stay in memory."""

import sys
from collections.abc import AsyncGenerator
from typing import NamedTuple

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from hardmax.serving.errors import RequestError

__all__ = ["Upload", "uploads"]

#: The most fields of a form that are no files; they are ignored.
FIELDS = 100


class Upload(NamedTuple):
    """A file that a client sent, under the name that it gave."""

    name: str
    content: bytes


class _InMemory(MultiPartParser):
    spool_max_size = sys.maxsize


def uploads(content: bytes, content_type: str, most: int) -> list[Upload]:
    """Return the files in the body of a form, which has the type multipart/form-data.

    Raises RequestError for a body of another form, and unless it has 1 to ``most`` files.
    """
    reading = _read(content, content_type, most)
    try:
        reading.send(None)  # it never waits, because all of it is in memory
    except StopIteration as ended:
        found: list[Upload] = ended.value
        return found
    raise AssertionError("a form was not read at once")


async def _read(content: bytes, content_type: str, most: int) -> list[Upload]:
    async def body() -> AsyncGenerator[bytes, None]:
        yield content

    boundary = parse_options_header(content_type)[1].get(b"boundary", b"").decode("latin-1")
    if not boundary:
        raise RequestError("the form cannot be read: its Content-Type has no boundary")
    # Without a charset: names of files are UTF-8, and some of Python's codecs fail.
    headers = Headers({"content-type": f'multipart/form-data; boundary="{boundary}"'})
    parser = _InMemory(headers, body(), max_files=most, max_fields=FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many"):
            message = f"a form may have at most {most} files and {FIELDS} other fields; send fewer"
            raise RequestError(message, 413) from error
        raise RequestError(f"the form cannot be read: {error.message}") from error
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise RequestError("the form has no file; send each file as a part with a filename")
    found = [Upload(file.filename or "", file.file.read()) for file in files]
    await form.close()
    return found
