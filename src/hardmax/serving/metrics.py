"""The figures of a server for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

__all__ = ["Metrics"]

#: The bounds of the bins of durations, in seconds.
SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

#: The bounds of the bins of batch sizes.
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counts requests and batches; ``exposed`` are the figures in Prometheus's text format."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "hardmax_requests", "Answered requests", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "hardmax_request_seconds",
            "Time from the head of a request to the end of its answer",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.in_progress = Gauge(
            "hardmax_requests_in_progress", "Requests being answered", registry=registry
        )
        self._examples = Counter(
            "hardmax_examples", "Classified examples", ["model"], registry=registry
        )
        self._batch = Histogram(
            "hardmax_batch_examples",
            "Examples that were computed together",
            ["model"],
            buckets=SIZES,
            registry=registry,
        )
        self._computing = Histogram(
            "hardmax_batch_seconds",
            "Time to compute a batch",
            ["model"],
            buckets=SECONDS,
            registry=registry,
        )

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered; ``route`` is the template of its path."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, status: int) -> None:
        """Count what was no request."""
        self._requests.labels("none", status).inc()

    def batch(self, model: str, examples: int, seconds: float) -> None:
        """Count a batch that was computed."""
        self._examples.labels(model).inc(examples)
        self._batch.labels(model).observe(examples)
        self._computing.labels(model).observe(seconds)

    def exposed(self, accept: str) -> tuple[bytes, str]:
        """Return all figures, in a format that the header Accept allows, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type
