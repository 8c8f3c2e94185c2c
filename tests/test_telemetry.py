"""What OpenTelemetry is told, by its own SDK: spans and metrics of calls and requests, and no value in any of them."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from connector_runtime import Connector, ConnectorError, telemetry
from connector_runtime.attempts import Attempt
from greenhouse_sandbox import Sandbox

PERSON = {
    "user_id": 12345,
    "first_name": "Xanthippe",
    "last_name": "Quillfeather",
    "email_addresses": [{"value": "xanthippe@quill.example", "type": "personal"}],
    "applications": [{"job_id": 54321}],
}


@dataclass
class Told:
    """What was exported."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def spans(self, kind: SpanKind) -> list[ReadableSpan]:
        """Give the spans of a kind, in the order in which they ended."""
        return [span for span in self.exporter.get_finished_spans() if span.kind is kind]

    def points(self, name: str) -> list[Any]:
        """Give a metric's points since the last time; all metrics are read at once."""
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture(scope="module")
def sdk() -> Iterator[Told]:
    """The host's SDK. A connection was made, and used, before there was one."""
    told = Told(InMemorySpanExporter(), InMemoryMetricReader())
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(told.exporter))
    meters = MeterProvider([told.reader], shutdown_on_exit=False)
    with telemetry.observed("early", "too early", "bulk"):
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(meters)
    yield told
    tracers.shutdown()
    meters.shutdown()


@pytest.fixture
def told(sdk: Told) -> Told:
    """The SDK, with nothing told yet."""
    sdk.exporter.clear()
    sdk.reader.get_metrics_data()
    return sdk


def counted(points: list[Any], attributes: dict[str, Any]) -> int:
    """Count what was recorded with exactly these attributes."""
    found = [point for point in points if dict(point.attributes) == attributes]
    assert all(isinstance(point, HistogramDataPoint | NumberDataPoint) for point in found)
    return sum(point.count if isinstance(point, HistogramDataPoint) else int(point.value) for point in found)


def called(connector: Connector, sandbox: Sandbox, operation: str, given: Any, asynchronous: bool) -> Any:
    """Call an operation with one of the two drivers."""

    async def run() -> Any:
        async with await connector.aconnect(sandbox.credentials, transport=sandbox.transport()) as connection:
            return await connection.call(operation, given)

    if asynchronous:
        return asyncio.run(run())
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        return connection.call(operation, given)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_call_is_a_span_and_so_is_each_request(
    connector: Connector, sandbox: Sandbox, told: Told, asynchronous: bool
) -> None:
    with trace.get_tracer("host").start_as_current_span("host's") as host:
        called(connector, sandbox, "get_candidate", {"candidate_id": 12345}, asynchronous)
    call, outer = told.spans(SpanKind.INTERNAL)
    assert (call.name, outer.name) == ("get_candidate", "host's")
    assert call.parent is not None
    assert call.parent.span_id == host.get_span_context().span_id
    assert dict(call.attributes or {}) == {
        "connector.name": "greenhouse",
        "connector.operation": "get_candidate",
        "connector.lane": connector.operations["get_candidate"].lane,
    }
    assert call.status.status_code is StatusCode.UNSET
    requests = told.spans(SpanKind.CLIENT)
    assert len(requests) == len(sandbox.requests) > 5
    for span in requests:
        assert span.parent is not None
        assert span.context is not None
        assert span.parent.span_id == call.context.span_id
        assert call.start_time <= span.start_time <= span.end_time <= call.end_time  # type: ignore[operator]
    resources = {(span.attributes or {})["connector.resource"]: span for span in requests}
    assert resources["access token"].name == "POST"
    first = resources["candidates"]
    assert (first.name, first.status.status_code) == ("GET", StatusCode.UNSET)
    assert dict(first.attributes or {}) == {
        "connector.name": "greenhouse",
        "connector.operation": "get_candidate",
        "connector.resource": "candidates",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "harvest.greenhouse.io",
        "server.port": 443,
        "url.scheme": "https",
    }


def test_requests_that_are_sent_again(connector: Connector, sandbox: Sandbox, told: Told) -> None:
    sandbox.fail("status", code=503, path="/v3/users", times=1)
    called(connector, sandbox, "list_users_ddl", None, False)
    failed, worked = [
        span for span in told.spans(SpanKind.CLIENT) if (span.attributes or {})["connector.resource"] == "users"
    ]
    assert failed.status.status_code is StatusCode.ERROR
    assert not failed.status.description
    assert (failed.attributes or {})["error.type"] == "503"
    assert "http.request.resend_count" not in (failed.attributes or {})
    assert worked.status.status_code is StatusCode.UNSET
    assert (worked.attributes or {})["http.request.resend_count"] == 1
    (call,) = told.spans(SpanKind.INTERNAL)
    assert call.status.status_code is StatusCode.UNSET
    own = {"connector.name": "greenhouse", "connector.operation": "list_users_ddl", "connector.resource": "users"}
    assert counted(told.points("connector.retries"), own) == 1


def test_seconds_are_counted(connector: Connector, sandbox: Sandbox, told: Told) -> None:
    url = {"http.request.method": "GET", "server.address": "harvest.greenhouse.io", "server.port": 443}
    went_well = {**url, "url.scheme": "https", "http.response.status_code": 200}
    before = counted(told.points("http.client.request.duration"), went_well)
    calls = {"connector.name": "greenhouse", "connector.operation": "list_users_ddl"}
    lane = {"connector.lane": connector.operations["list_users_ddl"].lane}
    calls_before = counted(told.points("connector.call.duration"), calls | lane)
    called(connector, sandbox, "list_users_ddl", None, False)
    points = told.points("http.client.request.duration")
    assert counted(points, went_well) == before + 1
    assert points[0].explicit_bounds[:3] == (0.005, 0.01, 0.025)
    points = told.points("connector.call.duration")
    assert counted(points, calls | lane) == calls_before + 1
    assert points[0].explicit_bounds[-1] == 300


@pytest.mark.parametrize("asynchronous", [False, True])
def test_call_that_fails(connector: Connector, sandbox: Sandbox, told: Told, asynchronous: bool) -> None:
    sandbox.fail("status", code=401, path="/v3/users", times="always")
    with pytest.raises(ConnectorError):
        called(connector, sandbox, "list_users_ddl", None, asynchronous)
    (call,) = told.spans(SpanKind.INTERNAL)
    assert (call.status.status_code, call.status.description) == (StatusCode.ERROR, None)
    assert (call.attributes or {})["error.type"] == "unauthorized"
    assert not call.events
    points = told.points("connector.call.duration")
    assert "unauthorized" in [point.attributes.get("error.type") for point in points]


def test_nobody_answers(connector: Connector, told: Told) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    credentials = {"access_token": "a-ready-token"}
    transport = httpx.MockTransport(broken)
    with (
        connector.connect(credentials, transport=transport, base_url="http://localhost:1") as connection,
        pytest.raises(ConnectorError),
    ):
        connection.call("list_users_ddl", timeout=0.4)
    attributes = dict(told.spans(SpanKind.CLIENT)[0].attributes or {})
    assert attributes["error.type"] == "unreachable"
    assert (attributes["server.address"], attributes["server.port"]) == ("localhost", 1)
    assert "http.response.status_code" not in attributes


def test_call_that_is_interrupted(told: Told) -> None:
    with pytest.raises(KeyboardInterrupt), telemetry.observed("greenhouse", "get_user", "interactive"):
        raise KeyboardInterrupt
    (call,) = told.spans(SpanKind.INTERNAL)
    assert (call.attributes or {})["error.type"] == "KeyboardInterrupt"
    assert call.status.status_code is StatusCode.ERROR


def everything(told: Told) -> str:
    """Write down all that was exported but for moments, durations and the random ids of spans."""
    spans = [
        (span.name, dict(span.attributes or {}), span.status.description, [(each.name, each) for each in span.events])
        for span in told.exporter.get_finished_spans()
    ]
    data = told.reader.get_metrics_data()
    scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
    counted = [
        (metric.name, [dict(point.attributes or {}) for point in metric.data.data_points])
        for scope in scopes
        for metric in scope.metrics
    ]
    return f"{spans} {counted}"


def test_no_value_is_told(connector: Connector, sandbox: Sandbox, told: Told) -> None:
    inner = sandbox.transport()
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.url} {request.content!r}")
        tokens.add(request.headers["authorization"].partition(" ")[2])
        return inner.handle_request(request)

    tokens: set[str] = set()
    with connector.connect(sandbox.credentials, transport=httpx.MockTransport(answer)) as connection:
        connection.call("list_users", {"email": "xanthippe@quill.example"})
        connection.call("create_candidate", PERSON)
        sandbox.fail("status", code=422, path="/v3/candidates", body="Xanthippe", times="always")
        with pytest.raises(ConnectorError) as refused:
            connection.call("get_candidate", {"candidate_id": 10_203_040})
    values = ["Xanthippe", "Quillfeather", "quill.example", "12345", "54321", "10203040"]
    assert [value for value in values if value not in " ".join(sent)] == []
    assert refused.value.upstream is not None
    assert refused.value.upstream["status"] == 422
    text = everything(told)
    assert text.count("'error.type': '422'") >= 2
    assert len(tokens) == 3  # two users', and the client's id and secret
    assert [value for value in [*values, *tokens, *sandbox.credentials.values()] if value in text] == []


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
import asyncio
from connector_runtime import load
from greenhouse_sandbox import Sandbox

async def run(connector, sandbox):
    async with await connector.aconnect(sandbox.credentials, transport=sandbox.transport()) as connection:
        return await connection.call("get_candidate", {"candidate_id": 12345})

with Sandbox() as sandbox:
    with load().connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        found = connection.call("get_candidate", {"candidate_id": 12345})
    assert found == asyncio.run(run(load(), sandbox))
print([name for name in sys.modules if name.startswith("opentelemetry.")], found["candidate_found"])
"""


def test_everything_works_without_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[] True\n", "")


def test_nothing_is_imported_before_a_connection_is_made() -> None:
    program = "import sys, connector_runtime as c; c.load(); print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_api_that_is_too_old_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_histogram(name: str, unit: str, description: str) -> None:
        """Know nothing of bounds."""

    monkeypatch.setattr(metrics, "get_meter", lambda _: type("Old", (), {"create_histogram": create_histogram})())
    telemetry._instruments.cache_clear()
    assert telemetry.watches("greenhouse") == ()
    with telemetry.observed("greenhouse", "get_user", "interactive"):
        assert not trace.get_current_span().is_recording()
    telemetry._instruments.cache_clear()


def test_default_ports(told: Told) -> None:
    (watch,) = telemetry.watches("greenhouse")
    watch(Attempt("get_user", "users", "GET", "http://localhost", 1, 1.0, 0.5, 404))
    (span,) = told.spans(SpanKind.CLIENT)
    attributes = span.attributes or {}
    assert (attributes["server.port"], attributes["error.type"]) == (80, "404")
    assert (span.start_time, span.end_time) == (1_000_000_000, 1_500_000_000)
