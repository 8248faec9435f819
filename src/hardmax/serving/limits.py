"""How much a server takes on."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    A request may have ``body`` bytes, ``rows`` rows or images of ``pixels`` each, and may take
    ``seconds``; at most ``requests`` are in progress. At most ``batch`` examples are computed
    together, and a batch waits ``wait`` seconds for requests that are on their way.
    """

    body: int = 2**25
    pixels: int = 50_000_000
    rows: int = 10_000
    requests: int = 256
    seconds: float = 30.0
    batch: int = 64
    wait: float = 0.002
