"""``hardmax serve``: answer requests over HTTP with runs."""

from pathlib import Path
from typing import Annotated

import typer

from hardmax.checks import plain
from hardmax.cli.options import INTERRUPTED, AbstainBelow, CostsFile, notice
from hardmax.errors import ArgumentError
from hardmax.serving.limits import Limits

__all__ = ["serve"]

MIB = 2**20

#: What serving requires besides ONNX Runtime.
PACKAGES = ("starlette", "uvicorn", "httptools", "python_multipart", "prometheus_client")


def serve(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is that of all networks.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="File with a token that every request has to send.",
        ),
    ] = None,
    costs: CostsFile = None,
    abstain_below: AbstainBelow = None,
    max_batch: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Maximum number of examples that are computed together."
        ),
    ] = Limits.batch,
    max_wait: Annotated[
        float,
        typer.Option(
            min=0,
            max=1000,
            metavar="MS",
            help="Milliseconds that a batch waits for requests that are on their way.",
        ),
    ] = 1000 * Limits.wait,
    max_body: Annotated[
        int,
        typer.Option(min=1, metavar="MIB", help="Maximum size of the body of a request in MiB."),
    ] = Limits.body // MIB,
    max_pixels: Annotated[
        int, typer.Option(min=1, metavar="N", help="Maximum number of pixels of an image.")
    ] = Limits.pixels,
    max_rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="Maximum number of rows or images in a request.")
    ] = Limits.rows,
    max_requests: Annotated[
        int, typer.Option(min=1, metavar="N", help="Maximum number of requests in progress.")
    ] = Limits.requests,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, max=86_400, metavar="SECONDS", help="Maximum time for a request."),
    ] = Limits.seconds,
) -> None:
    """Serve runs over HTTP: plain requests, the Open Inference Protocol and a page."""
    from hardmax.export.graph import need

    for package in PACKAGES:
        need(package, "serving requires", "serve")
    from hardmax.serving.server import serve as run_server

    if len(runs) > 1 and (costs or abstain_below is not None):
        option = "--costs" if costs else "--abstain-below"
        raise ArgumentError(
            f"{option} is for a server of one run, got {len(runs)}; start a server for each"
        )
    limits = Limits(
        body=max_body * MIB,
        pixels=max_pixels,
        rows=max_rows,
        requests=max_requests,
        seconds=timeout,
        batch=max_batch,
        wait=max_wait / 1000,
    )
    try:
        is_interrupted = run_server(
            runs,
            limits,
            host=host,
            port=port,
            token_file=token_file,
            costs=costs,
            below=abstain_below,
            say=lambda line: print(plain(line), flush=True),
            warn=notice,
        )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if is_interrupted:
        raise typer.Exit(INTERRUPTED)
