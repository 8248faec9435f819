"""Options in a text, such as ``--batch-size``, are not divided at the end of a line.

Browsers would divide them after a hyphen.
"""

import re
from typing import Any

#: Code in a text; blocks of code are in ``<pre>``, after an anchor.
CODE = re.compile(r"(?<!</span>)<code>[^<]*</code>")

OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def on_page_content(html: str, **_: Any) -> str:
    """Return the content of a page with marked options."""
    return CODE.sub(lambda code: OPTION.sub(r'<span class="option">\g<0></span>', code[0]), html)
