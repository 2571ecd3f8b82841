"""OpenTelemetry traces of requests, queries, tasks and passes of the controller, sent by OTLP over HTTP.

The library reads its own variables itself (OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and so on).
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
from robotsim_project.telemetry.masking import mask, mask_nested

EXCLUDED = "health/,metrics$"
"""Paths that are polled every few seconds and not worth a trace."""


def start(service: str) -> None:
    """Start tracing this process; pending spans are sent when it ends."""
    resource = Resource.create({"service.name": service, "service.version": settings.VERSION})
    provider = TracerProvider(resource=resource)
    provider.sampler = DropOrphanQueries(provider.sampler)
    provider.add_span_processor(BatchSpanProcessor(MaskingExporter(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(tracer_provider=provider, excluded_urls=EXCLUDED)
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        PsycopgInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
    tracer = trace.get_tracer("robotsim")

    def start_span(name: str, attributes: dict[str, Any]) -> AbstractContextManager[Any]:
        prefixed = {f"robotsim.{key}": value for key, value in attributes.items()}
        return tracer.start_as_current_span(name, attributes=prefixed)

    tracing.use_span_factory(start_span)
    logs.trace_with(current_ids)


def current_ids() -> dict[str, str]:
    """Return the ids of the current trace and span, for log lines."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


class DropOrphanQueries(Sampler):
    """Sampler that drops queries outside of any trace: heartbeats and polls for tasks make thousands."""

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

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
        """Drop such queries, and leave other decisions to the configured sampler."""
        parent = trace.get_current_span(parent_context).get_span_context()
        if kind is SpanKind.CLIENT and not parent.is_valid:
            return SamplingResult(Decision.DROP)
        return self._inner.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"DropOrphanQueries{{{self._inner.get_description()}}}"


class MaskingExporter(SpanExporter):
    """Exporter that masks secrets when spans are sent, in the background."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Mask the secrets and send the spans."""
        return self._exporter.export([mask_span(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def mask_span(span: ReadableSpan) -> ReadableSpan:
    """Return a copy of a span with masked secrets."""
    return ReadableSpan(
        name=mask(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_mask_attributes(span.attributes),
        events=[Event(e.name, _mask_attributes(e.attributes), e.timestamp) for e in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, mask(span.status.description or "") or None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _mask_attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(mask_nested(dict(attributes or {})))
