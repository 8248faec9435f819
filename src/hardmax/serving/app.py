"""The routes of a server."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hardmax.export.images import IMAGES
from hardmax.serving import protocol
from hardmax.serving.batching import Batcher
from hardmax.serving.docs import document
from hardmax.serving.images import pixels_of_array
from hardmax.serving.limiting import BODY, Limited
from hardmax.serving.limits import Limits
from hardmax.serving.metrics import Metrics
from hardmax.serving.models import Models
from hardmax.serving.observing import EXAMPLES, Observed
from hardmax.serving.openapi import describe
from hardmax.serving.page import page_files
from hardmax.serving.pages import PAGE_POLICY, html, report_policy
from hardmax.serving.plain import predict
from hardmax.serving.responses import answer, refusal
from hardmax.serving.security import Guarded
from hardmax.serving.threads import in_thread

__all__ = ["make_app"]


def make_app(
    models: Models, limits: Limits, metrics: Metrics, token: bytes | None, *, is_local: bool
) -> Starlette:
    """Return the server of some models as an ASGI application.

    ``is_local`` is whether only this computer can connect.
    """
    routes = Routes(models, limits, metrics, has_token=token is not None).all()
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Observed, metrics, routes),
            Middleware(Guarded, token, is_local=is_local),
            Middleware(Limited, limits),
        ],
        exception_handlers={HTTPException: _refused},
        lifespan=_lifespan(models),
    )
    app.router.redirect_slashes = False
    return app


def _lifespan(models: Models) -> Any:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # No more threads than cores: large images are decoded in them, which takes memory.
        threads = ThreadPoolExecutor(os.cpu_count(), "hardmax-requests")
        asyncio.get_running_loop().set_default_executor(threads)
        watching = asyncio.create_task(models.watch())
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await models.close()

    return lifespan


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what no route does."""
    assert isinstance(error, HTTPException)
    messages = {
        404: "there is nothing at this path; /docs lists the paths",
        405: f"{request.method} is not allowed at this path; /docs lists the methods",
    }
    response = refusal(error.status_code, messages.get(error.status_code, error.detail))
    response.headers.update(error.headers or {})
    return response


class Routes:
    """The functions behind the paths."""

    def __init__(self, models: Models, limits: Limits, metrics: Metrics, *, has_token: bool):
        self._models, self._limits, self._metrics = models, limits, metrics
        self._has_token = has_token
        self._files = page_files()

    def all(self) -> list[Route]:
        """Return the routes, those that are asked most often first."""
        model = "/v2/models/{name}"
        posts = [
            Route("/predict", self.predict, methods=["POST"]),
            Route(f"{model}/infer", self.infer, methods=["POST"]),
        ]
        gets = {
            "/v2/health/live": self.live,
            "/v2/health/ready": self.ready,
            "/metrics": self.metrics,
            "/v2": self.server,
            model: self.model,
            f"{model}/ready": self.model_ready,
            "/models": self.models,
            "/report/{name}": self.report,
            "/": self.page,
            "/static/{file}": self.static,
            "/openapi.json": self.openapi,
            "/docs": self.docs,
        }
        return posts + [Route(path, endpoint) for path, endpoint in gets.items()]

    async def predict(self, request: Request) -> Response:
        scope = request.scope
        batcher = self._models.get(_model_of(scope["query_string"]))
        content_type = request.headers.get("content-type", "")
        found, scope[EXAMPLES] = await predict(batcher, scope[BODY], content_type, self._limits)
        return await in_thread(len(scope[BODY]), answer, found)

    async def infer(self, request: Request) -> Response:
        scope = request.scope
        batcher = self._models.get(request.path_params["name"])
        content = scope[BODY]
        head = request.headers.get(protocol.HEAD_LENGTH)
        with batcher.arriving():
            inference = await in_thread(len(content), protocol.parse, content, head, batcher.model)
        examples = len(next(iter(inference.feeds.values())))
        self._limits.check_count(examples, "examples")
        found = await self._compute(batcher, inference.feeds)
        scope[EXAMPLES] = examples
        model = batcher.model
        body, size = await in_thread(len(content), protocol.respond, inference, model, found)
        if size is None:
            return Response(body, media_type="application/json")
        headers = {protocol.HEAD_LENGTH: str(size)}
        return Response(body, headers=headers, media_type="application/octet-stream")

    async def _compute(
        self, batcher: Batcher, feeds: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        if batcher.model.kind != "images":
            return await batcher.compute(feeds)
        images, size = feeds[IMAGES], self._limits.batch
        parts = []
        # Part by part, because small images may become much larger ones.
        for at in range(0, len(images), size):
            part = images[at : at + size]
            with batcher.arriving():
                pixels = await in_thread(
                    part.nbytes, pixels_of_array, part, batcher.model, self._limits
                )
            parts.append(await batcher.compute({IMAGES: pixels}))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    async def live(self, request: Request) -> Response:
        return answer({"live": True})

    async def ready(self, request: Request) -> Response:
        return answer({"ready": True})

    async def server(self, request: Request) -> Response:
        return answer(protocol.SERVER)

    async def model(self, request: Request) -> Response:
        return answer(protocol.metadata(self._models.get(request.path_params["name"]).model))

    async def model_ready(self, request: Request) -> Response:
        name = request.path_params["name"]
        self._models.get(name)
        return answer({"name": name, "ready": True})

    async def metrics(self, request: Request) -> Response:
        content, media_type = self._metrics.exposed(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media_type})

    async def models(self, request: Request) -> Response:
        described = [batcher.model.describe() for batcher in self._models]
        return answer({"models": described, "limits": asdict(self._limits)})

    async def report(self, request: Request) -> Response:
        content = self._models.get(request.path_params["name"]).model.report
        return html(content, report_policy(content))

    async def page(self, request: Request) -> Response:
        return html(self._files["index.html"][0], PAGE_POLICY)

    async def static(self, request: Request) -> Response:
        found = self._files.get(request.path_params["file"])
        if found is None:
            raise HTTPException(404)
        content, media_type = found
        return Response(content, headers={"content-type": media_type})

    async def openapi(self, request: Request) -> Response:
        return answer(self._described())

    async def docs(self, request: Request) -> Response:
        return html(document(self._described()), PAGE_POLICY)

    def _described(self) -> dict[str, Any]:
        models = [batcher.model for batcher in self._models]
        return describe(models, self._limits, has_token=self._has_token)


@lru_cache(256)
def _model_of(query: bytes) -> str | None:
    """Return the name of a model that a query has, or None."""
    return QueryParams(query).get("model")
