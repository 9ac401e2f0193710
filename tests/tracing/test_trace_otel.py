from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from trace_house import ALPHA, BETA, GATEWAY_KEY, JUDGE, WRITER, script

from fusion_graph.testing import Fault
from fusion_graph.testing.loopback import Loopback

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")


@pytest.fixture
def collector():
    """An OpenTelemetry collector: address, and the requests that came."""
    requests: list[Request] = []
    bodies: list[Any] = []

    async def take(request: Request) -> Response:
        requests.append(request)
        bodies.append(trace_service.ExportTraceServiceRequest.FromString(await request.body()))
        return Response(status_code=200)

    http = Loopback(Starlette(routes=[Route("/v1/traces", take, methods=["POST"])]))
    yield f"http://127.0.0.1:{http.listen()}", bodies
    http.close()


def test_a_run_is_one_tree_of_spans_without_any_key(server, collector, monkeypatch):
    url, bodies = collector
    monkeypatch.setenv("PLANTED_GATEWAY_API_KEY", GATEWAY_KEY)
    script(server).on(BETA, Fault(401, f"Incorrect API key provided: {GATEWAY_KEY}"))
    variables = {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_TRACING_MODE": "otel",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-collector=mine",
        "OTEL_SERVICE_NAME": "fusion",
    }
    models = ["--panel", f"{ALPHA},{BETA}", "--judge", JUDGE, "--writer", WRITER]
    gateway = ["--gateway-url", server.base_url, "--gateway-key-env", "PLANTED_GATEWAY_API_KEY"]
    subprocess.run(
        [sys.executable, "-m", "fusion_graph.cli", "ask", *models, *gateway, "--no-tools", "--quiet", "Does it?"],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        check=True,
        capture_output=True,
        timeout=30,
    )
    scopes = [scope for body in bodies for resource in body.resource_spans for scope in resource.scope_spans]
    spans = [span for scope in scopes for span in scope.spans]
    known = {span.span_id for span in spans}
    assert len({span.trace_id for span in spans}) == 1
    (root,) = [span for span in spans if span.parent_span_id not in known]
    assert (root.name, facts(root)["langsmith.metadata.status"]) == ("fusion", "ok")
    seats = {span.name: facts(span) for span in spans if span.name in ("seat-1", "seat-2")}
    assert seats["seat-1"]["langsmith.metadata.served_model"] == f"{ALPHA}-0425"
    assert seats["seat-1"]["langsmith.metadata.cost_usd"] == 0.01
    assert seats["seat-2"]["langsmith.metadata.outcome"] == "failed"
    calls = [facts(span) for span in spans if facts(span).get("langsmith.span.kind") == "llm"]
    assert {call["gen_ai.request.model"] for call in calls} == {ALPHA, BETA, JUDGE, WRITER}
    assert sorted(call.get("gen_ai.usage.input_tokens", 0) for call in calls) == [0, 100, 700, 900]
    assert GATEWAY_KEY.encode() not in b"".join(body.SerializeToString() for body in bodies)


def facts(span: Any) -> dict[str, Any]:
    """The attributes of a span."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}
