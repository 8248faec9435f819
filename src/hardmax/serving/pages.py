"""Pages for people: how they may behave in a browser."""

import base64
import hashlib
import re
from functools import lru_cache

from starlette.responses import Response

from hardmax.serving.responses import POLICY

__all__ = ["PAGE_POLICY", "html", "report_policy"]

#: The content security policy of pages that consist of files of this server.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)

#: A report has its styles and its script in itself, and needs nothing of this server. Its sandbox
#: keeps whatever is in it away from the server; the hashes only tell scripts from attributes.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {scripts}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-scripts allow-downloads"
)


@lru_cache(16)
def report_policy(content: bytes) -> str:
    """Return the content security policy of a report: only scripts in elements of their own run."""
    scripts = re.findall(rb"<script>(.*?)</script>", content, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return REPORT_POLICY.format(scripts=allowed or "'none'")


def html(content: bytes, policy: str) -> Response:
    """Return a response with a page."""
    return Response(content, headers={POLICY.decode(): policy}, media_type="text/html")
