"""What an operator watches, in Prometheus's words; each server has a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from journalclip_inference.hits import Served

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by route, waiting queries, and the model in service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "journalclip_requests_total", "Requests.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "journalclip_request_seconds", "Time to answer.", ["route"], buckets=_BUCKETS, registry=self._registry
        )
        self._waiting = Gauge("journalclip_waiting_queries", "Queries that wait.", registry=self._registry)
        self._model = Gauge(
            "journalclip_model_info", "1 for the model in service.", ["model_id", "version"], registry=self._registry
        )
        self._problem = Gauge(
            "journalclip_reload_problem",
            "1 while something keeps this server from the champion; /readyz says what.",
            registry=self._registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, waiting: int, served: Served | None, problem: str = "") -> bytes:
        self._waiting.set(waiting)
        self._problem.set(1 if problem else 0)
        self._model.clear()
        if served is not None:
            self._model.labels(served.model_id, served.version).set(1)
        return generate_latest(self._registry)
