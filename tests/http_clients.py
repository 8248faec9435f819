"""Clients of servers that are tested."""

import http.client
import json
import socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """An answer of a server."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def error(self) -> str:
        """The message of an error, which must be all that the answer says."""
        assert self.status >= 400
        assert self.headers["content-type"] == "application/json"
        assert [*self.json] == ["error"]
        assert "\n" not in self.json["error"]
        return self.json["error"]


def connect(server):
    return http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=60)


def ask(server, path, body=None, kind=None, method=None, connection=None, **headers):
    """Return the answer to a request; names of headers have _ for -."""
    own = connection or connect(server)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if kind is not None:
        named["content-type"] = kind
    own.request(method or ("GET" if body is None else "POST"), path, body, named)
    with own.getresponse() as response:
        answer = Answer(response.status, response.headers, response.read())
    if connection is None:
        own.close()
    return answer


def form(files, boundary="a-boundary"):
    """Return a body with files by name, and its type."""
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; '
        f'filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), (
        f"multipart/form-data; boundary={boundary}"
    )


def raw(server, data, end=False):
    """Send bytes as they are, and return all that comes back until the server hangs up.

    With ``end`` the connection is cut off at once.
    """
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(data)
        if end:
            return b""
        parts = []
        while part := connection.recv(2**16):
            parts.append(part)
        return b"".join(parts)
