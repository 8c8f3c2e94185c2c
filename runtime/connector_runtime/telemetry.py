"""The only door to OpenTelemetry: spans and metrics of calls and of their requests. Where it isn't installed: nothing.

Only its API is used, which does nothing until the host sets up an SDK; this package configures nothing. No value of the
caller's or the API's is in a span or a metric: no URL (its query holds values), no header, no message of an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from .attempts import Attempt, Watch
from .errors import ConnectorError

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram
    from opentelemetry.trace import SpanKind, StatusCode, Tracer

Attributes = dict[str, str | int]

_PORTS = {"http": 80, "https": 443}
# Bounds in seconds: the conventions' for requests, and more for calls, which may be many requests.
_REQUEST = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DURATIONS = (
    ("http.client.request.duration", "Duration of HTTP client requests.", _REQUEST),
    ("connector.call.duration", "Duration of calls of operations.", (*_REQUEST, 30, 60, 120, 300)),
)


class _Instruments(NamedTuple):
    """What spans are made and seconds are counted with."""

    tracer: Tracer
    client: SpanKind
    error: StatusCode
    requests: Histogram
    calls: Histogram
    retries: Counter


@cache
def _instruments() -> _Instruments | None:
    # Imported when a connection is made: whoever only loads or checks a connector doesn't pay for it.
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415

        meter = metrics.get_meter("connector_runtime")
        requests, calls = (
            meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=bounds)
            for name, description, bounds in _DURATIONS
        )
    except (ImportError, TypeError):
        # Not there, or from before histograms could be told their bounds (1.30).
        return None
    return _Instruments(
        trace.get_tracer("connector_runtime"),
        trace.SpanKind.CLIENT,
        trace.StatusCode.ERROR,
        requests,
        calls,
        meter.create_counter("connector.retries", "{request}", "Requests that were sent again."),
    )


def watches(connector: str) -> tuple[Watch, ...]:
    """Give what is to watch a connector's connections: nobody where OpenTelemetry isn't installed."""
    instruments = _instruments()
    return () if instruments is None else (partial(_watch, instruments, connector),)


@contextmanager
def observed(connector: str, operation: str, lane: str) -> Iterator[None]:
    """Make a call's span, which is the current one while the block runs, and count how long it took."""
    instruments = _instruments()
    if instruments is None:
        yield
        return
    attributes: Attributes = {
        "connector.name": connector,
        "connector.operation": operation,
        "connector.lane": lane,
    }
    started = perf_counter()
    # An exception is not recorded as such: its message may say what the API said.
    with instruments.tracer.start_as_current_span(
        operation, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except BaseException as error:
            attributes["error.type"] = error.code if isinstance(error, ConnectorError) else type(error).__qualname__
            span.set_attribute("error.type", attributes["error.type"])
            span.set_status(instruments.error)
            raise
        finally:
            instruments.calls.record(perf_counter() - started, attributes)


def _watch(instruments: _Instruments, connector: str, attempt: Attempt) -> None:
    """Tell of one request: a span within the caller's, and the metrics."""
    shared = _attributes(attempt)
    own: Attributes = {
        "connector.name": connector,
        "connector.operation": attempt.operation,
        "connector.resource": attempt.resource,
    }
    again: Attributes = {"http.request.resend_count": attempt.number - 1} if attempt.number > 1 else {}
    span = instruments.tracer.start_span(
        attempt.method,
        kind=instruments.client,
        attributes=shared | own | again,
        start_time=_nanoseconds(attempt.started),
    )
    if "error.type" in shared:
        span.set_status(instruments.error)
    span.end(_nanoseconds(attempt.started + attempt.seconds))
    instruments.requests.record(attempt.seconds, shared)
    if again:
        instruments.retries.add(1, own)


def _attributes(attempt: Attempt) -> Attributes:
    """Give what the conventions say of a request, in spans and metrics alike."""
    host = urlsplit(attempt.host)
    attributes: Attributes = {
        "http.request.method": attempt.method,
        "server.address": host.hostname or "",
        "server.port": host.port or _PORTS[host.scheme],
        "url.scheme": host.scheme,
    }
    if attempt.status is not None:
        attributes["http.response.status_code"] = attempt.status
    if attempt.failure is not None:
        attributes["error.type"] = attempt.failure
    elif attempt.status is not None and attempt.status >= 400:
        attributes["error.type"] = str(attempt.status)
    return attributes


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
