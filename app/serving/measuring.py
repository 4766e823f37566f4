"""Prometheus metrics of the server: how many requests, how long, how many at once."""

from __future__ import annotations

import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The metrics of one application.

    A request is counted under its route (``/recommend/{user}``), never under its path: no user is
    named.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "linkspan_requests", "Requests answered", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "linkspan_request_seconds",
            "Seconds until a request was answered",
            ("route",),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.running = Gauge(
            "linkspan_requests_in_progress", "Requests under way", registry=self.registry
        )

    def answer(self) -> Response:
        """All metrics in Prometheus' text format."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class Measured:
    """Middleware that counts and times what passes."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        with self.metrics.running.track_inprogress():
            try:
                await self.app(scope, receive, noting)
            finally:
                route = getattr(scope.get("route"), "path_format", "none")
                self.metrics.requests.labels(route, status).inc()
                self.metrics.seconds.labels(route).observe(time.perf_counter() - started)


class RawPath:
    """Middleware that leaves ``%2F`` in a path as it is, so that a key may hold a slash."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope.get("raw_path"):
            scope["path"] = scope["raw_path"].decode("ascii")
        await self.app(scope, receive, send)
