"""Metrics: what the server does, as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from searchengine.web.engine_thread import EngineThread
from searchengine.web.guard.bodies import Message, Receive, Scope
from searchengine.web.guard.guards import App, Send

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Metrics:
    """Counts and times of one server.

    Args:
        engine_thread: thread whose queue is told.
    """

    def __init__(self, engine_thread: EngineThread) -> None:
        self._registry = CollectorRegistry()
        self._stages = Histogram(
            "segsearch_stage_seconds",
            "Time of each stage of a search.",
            ["stage"],
            registry=self._registry,
            buckets=SECONDS,
        )
        self._requests = Histogram(
            "segsearch_request_seconds",
            "Time until a request was answered.",
            ["method", "route"],
            registry=self._registry,
            buckets=SECONDS,
        )
        self._answers = Counter(
            "segsearch_answers",
            "Answers by their status.",
            ["status"],
            registry=self._registry,
        )
        waiting = Gauge(
            "segsearch_waiting", "Questions that wait for the engine.", registry=self._registry
        )
        waiting.set_function(lambda: engine_thread.waiting)
        loading = Gauge(
            "segsearch_loading", "1 while models are being loaded.", registry=self._registry
        )
        loading.set_function(lambda: engine_thread.loading)

    def told(self) -> bytes:
        """All of it in Prometheus' text form."""
        return generate_latest(self._registry)

    def stages(self, seconds: Mapping[str, float]) -> None:
        """Note the seconds of each stage of one search."""
        for stage, took in seconds.items():
            self._stages.labels(stage).observe(took)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note a request that was answered."""
        self._requests.labels(method, route).observe(seconds)
        self._answers.labels(str(status)).inc()


class Measuring:
    """Application whose answers are counted.

    Args:
        app: application that answers.
        metrics: metrics that they are counted in.
    """

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and note how and when it did."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "none")  # never what a client made up
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.request(method, route, status, time.perf_counter() - started)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
