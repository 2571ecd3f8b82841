"""Mecs over HTTP."""

from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.idempotency import idempotent
from simulations.api.serializers import MecSerializer, MecTestSerializer
from simulations.models import Mec
from simulations.services.designs import mec_probes, mecs

CHANGED = extend_schema(responses={200: MecSerializer, 422: None})


@extend_schema_view(
    update=CHANGED,
    partial_update=CHANGED,
    destroy=extend_schema(responses={204: None, 409: None}),
)
class MecViewSet(viewsets.ModelViewSet[Mec]):
    """Systems under test; only admins change them."""

    queryset = Mec.objects.select_related("last_tested_by")
    serializer_class = MecSerializer
    filterset_fields = ["slug", "transport", "enabled"]
    search_fields = ["name", "slug", "endpoint"]
    ordering_fields = ["id", "slug", "name", "created_at", "updated_at"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={201: MecSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a mec."""
        return super().create(request)

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": reverse("mec-detail", args=[data["id"]])}

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = mecs.create(**serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        mecs.update(serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Mec) -> None:
        mecs.delete(instance)

    @extend_schema(request=None, responses={200: MecTestSerializer, 409: None, 503: None})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Test whether agents would reach it; the result is kept with it.

        It takes ten seconds at most; on a cluster, where a pod starts for it, a minute.

        A message is sent by way of the router and back, on a key of its own that the system under test does
        not see.
        """
        result = mec_probes.probe(self.get_object(), requested_by=request.user)  # type: ignore[arg-type]
        return Response(MecTestSerializer(msgspec.to_builtins(result)).data)
