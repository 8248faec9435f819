"""Work on large bodies, which would keep other requests waiting."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["in_thread"]

#: Bodies up to this size are parsed at once.
SMALL = 2**16

Result = TypeVar("Result")


async def in_thread(size: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """Return what a function returns; for much input, of ``size`` bytes, it runs in a thread."""
    if size <= SMALL:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)
