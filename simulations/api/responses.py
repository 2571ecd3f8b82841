"""Responses that the views of simulations and executions have in common."""

from typing import Any

from django.db.models import Model
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import ModelSerializer


def accepted(serializer: type[ModelSerializer[Any]], row: Model) -> Response:
    """Answer 202 with a row of a work that has begun, and its address in `Location`."""
    location = reverse(f"{row._meta.model_name}-detail", args=[row.pk])  # noqa: SLF001  as documented by Django
    return Response(serializer(row).data, status=202, headers={"Location": location})
