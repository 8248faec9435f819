"""How much a server takes on."""

from dataclasses import dataclass

from hardmax.serving.errors import RequestError

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

    def check_count(self, count: int, what: str) -> None:
        """Raise RequestError for more than ``rows`` of ``what``, rows or images."""
        if count > self.rows:
            raise RequestError(
                f"the request has {count} {what}; at most {self.rows} are allowed; send fewer at "
                "a time",
                413,
            )
