"""HTTP metrics: those of the library, with bounded labels, and responses that its middleware does not see."""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_prometheus.middleware import Metrics, PrometheusAfterMiddleware


class HttpMetrics(PrometheusAfterMiddleware):  # type: ignore[misc]  # the library has no types
    """The library's middleware with a bounded label for methods.

    The library uses the method of the request as a label, so a client could fill the memory with invented
    methods; here all unknown methods have one label.
    """

    def label_metric(
        self, metric: Any, request: HttpRequest, response: Any = None, **labels: str
    ) -> Any:
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)

    def process_request(self, request: HttpRequest) -> None:
        with suppress(ValueError):  # Content-Length is not a number: the size is not recorded
            super().process_request(request)


def count_early_answer(route: str, response: HttpResponseBase) -> None:
    """Count an answer to a GET that a middleware gave by itself, as if the view had given it."""
    metrics: Any = Metrics.get_instance()
    status = str(response.status_code)
    metrics.responses_by_status_view_method.labels(status=status, view=route, method="GET").inc()
