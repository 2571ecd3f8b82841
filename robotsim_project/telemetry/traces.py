"""Traces by OpenTelemetry: requests, queries, tasks and passes of the controller, sent by OTLP over HTTP.

The library reads its own variables (OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and so on) by itself.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind, Status

from common import tracing
from robotsim_project.telemetry import logs
from robotsim_project.telemetry.masking import deeply_masked, masked

EXCLUDED = "health/,metrics$"
"""Addresses that are asked every few seconds by machines: nobody looks for them."""


def start(service: str) -> None:
    """Trace this process from here on; what was not sent yet is sent as it ends."""
    resource = Resource.create({"service.name": service, "service.version": settings.VERSION})
    provider = TracerProvider(resource=resource)
    provider.sampler = NoLooseQueries(provider.sampler)
    provider.add_span_processor(BatchSpanProcessor(Masked(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(tracer_provider=provider, excluded_urls=EXCLUDED)
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        PsycopgInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
    tracer = trace.get_tracer("robotsim")

    def opened(name: str, attributes: dict[str, Any]) -> AbstractContextManager[Any]:
        named = {f"robotsim.{key}": value for key, value in attributes.items()}
        return tracer.start_as_current_span(name, attributes=named)

    tracing.use_span_factory(opened)
    logs.trace_with(ids)


def ids() -> dict[str, str]:
    """The trace at hand, as lines of the log name it."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


class NoLooseQueries(Sampler):
    """Drops queries that belong to nothing: heartbeats and the worker's look for tasks make thousands."""

    def __init__(self, others: Sampler) -> None:
        self._others = others

    def should_sample(  # noqa: PLR0913, PLR0917  the library's own signature
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        """Ask the sampler that the environment names, but for those."""
        parent = trace.get_current_span(parent_context).get_span_context()
        if kind is SpanKind.CLIENT and not parent.is_valid:
            return SamplingResult(Decision.DROP)
        return self._others.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"NoLooseQueries{{{self._others.get_description()}}}"


class Masked(SpanExporter):
    """Hides secrets of spans on their way out, off the path of requests."""

    def __init__(self, to: SpanExporter) -> None:
        self._to = to

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them, without secrets."""
        return self._to.export([cleaned(span) for span in spans])

    def shutdown(self) -> None:
        self._to.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._to.force_flush(timeout_millis)


def cleaned(span: ReadableSpan) -> ReadableSpan:
    """The same span without secrets."""
    return ReadableSpan(
        name=masked(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_cleaned(span.attributes),
        events=[Event(e.name, _cleaned(e.attributes), e.timestamp) for e in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, masked(span.status.description or "") or None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _cleaned(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(deeply_masked(dict(attributes or {})))
