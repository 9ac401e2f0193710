"""What the HTTP app counts, for Prometheus; no question, answer, model key or owner is in it."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """One app's counters; every app has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self._requests = Counter("fusion_http_requests", "Requests answered.", ["route", "status"], registry=own)
        self._running = Gauge("fusion_runs_in_progress", "Runs under way.", registry=own)
        self._runs = Counter("fusion_runs", "Runs that ended.", ["graph", "status", "reason"], registry=own)
        self._seats = Counter("fusion_seats", "Seats of runs that ended.", ["outcome"], registry=own)
        self._degraded = Counter("fusion_degraded", "What runs had to do without.", ["reason"], registry=own)
        self._calls = Counter("fusion_model_calls", "Model calls.", registry=own)
        self._tokens = Counter("fusion_tokens", "Tokens, where they are known.", ["direction"], registry=own)
        self._cost = Counter("fusion_cost_usd", "US dollars, where they are known.", ["for_what"], registry=own)
        self._unknown = Counter(
            "fusion_runs_of_unknown_cost", "Runs with a part whose cost is not known.", registry=own
        )
        self._seconds = Histogram("fusion_run_seconds", "Wall time of runs.", ["graph"], buckets=_SECONDS, registry=own)

    def request(self, route: str, status: int) -> None:
        """Count a request by its route's pattern and its status."""
        self._requests.labels(route, str(status)).inc()

    def running(self, count: int) -> None:
        """Note how many runs are under way."""
        self._running.set(count)

    def run(self, graph: str, receipt: dict[str, Any]) -> None:
        """Count a run that ended.

        Args:
            graph: The graph that ran.
            receipt: Its receipt, as plain data.
        """
        self._runs.labels(graph, receipt["status"] or "unknown", receipt["failure_reason"] or "").inc()
        for seat in receipt["seats"]:
            self._seats.labels(seat["outcome"]).inc()
        for entry in receipt["degraded"]:
            self._degraded.labels(entry["reason"]).inc()
        if receipt["seconds"] is not None:
            self._seconds.labels(graph).observe(receipt["seconds"])
        self._spent(receipt["totals"])

    def _spent(self, totals: dict[str, Any]) -> None:
        usage = totals["usage"]
        self._calls.inc(totals["calls"])
        for direction in ("input", "output"):
            self._tokens.labels(direction).inc(usage[f"{direction}_tokens"] or 0)
        self._cost.labels("models").inc(usage["cost_usd"] or 0)
        self._cost.labels("searches").inc(usage["fees_usd"] or 0)
        if usage["cost_usd"] is None or usage["cost_at_least"] or usage["fees_usd"] is None or usage["fees_at_least"]:
            self._unknown.inc()

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
