"""HTTP endpoints of exports."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from storage.api import preview_schema
from storage.api.preview_serializers import ExportSerializer
from storage.models import Export
from storage.services.exports import exports


@extend_schema(tags=["exports"])
class ExportViewSet(viewsets.GenericViewSet[Export]):
    """Exports of rosbags."""

    queryset = Export.objects.none()
    serializer_class: Any = ExportSerializer
    filter_backends = ()
    pagination_class = None
    lookup_value_regex = "[0-9]{1,18}"

    @preview_schema.RETRIEVE
    def retrieve(self, request: Request, **_kwargs: Any) -> Response:
        """Read the state of an export."""
        return Response(ExportSerializer(self._export()).data)

    @preview_schema.DESTROY
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Remove an export that has ended, with its table; its rosbag stays."""
        exports.remove(self._export())
        return Response(status=204)

    @preview_schema.CANCEL
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **_kwargs: Any) -> Response:
        """Cancel an export; one that has ended stays as it is."""
        return Response(ExportSerializer(exports.cancel(self._export())).data)

    def _export(self) -> Export:
        return exports.find(int(self.kwargs["pk"]))
