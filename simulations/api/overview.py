"""The system at a glance, over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from simulations.services.monitoring.overview import overview


class SimulationTotalsSerializer(serializers.Serializer[Any]):
    """Living simulations, and those that run."""

    total = serializers.IntegerField()
    running = serializers.IntegerField()


class ExecutionTotalsSerializer(serializers.Serializer[Any]):
    """Executions that have not ended."""

    active = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())


class AgentTotalsSerializer(serializers.Serializer[Any]):
    """Agents of those executions; `complete` is false when there are too many to add up."""

    total = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    complete = serializers.BooleanField()


class MecTotalsSerializer(serializers.Serializer[Any]):
    """Systems under test."""

    total = serializers.IntegerField()
    enabled = serializers.IntegerField()


class TemplateTotalsSerializer(serializers.Serializer[Any]):
    """Living templates."""

    total = serializers.IntegerField()


class RosbagTotalsSerializer(serializers.Serializer[Any]):
    """Living rosbags; `size` is the sum of theirs, in bytes."""

    total = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    size = serializers.IntegerField()


class HealthSerializer(serializers.Serializer[Any]):
    """`ok`, or what is wrong."""

    database = serializers.ChoiceField(choices=["ok"])
    redis = serializers.ChoiceField(choices=["ok", "away"])
    storage = serializers.ChoiceField(choices=["ok", "away"])
    controller = serializers.ChoiceField(choices=["ok", "silent", "unknown"])
    worker = serializers.ChoiceField(choices=["ok", "behind"])


class OverviewSerializer(serializers.Serializer[Any]):
    """The system as it was at `as_of`, a few seconds ago at most."""

    simulations = SimulationTotalsSerializer()
    executions = ExecutionTotalsSerializer()
    agents = AgentTotalsSerializer()
    mecs = MecTotalsSerializer()
    templates = TemplateTotalsSerializer()
    rosbags = RosbagTotalsSerializer()
    health = HealthSerializer()
    as_of = serializers.DateTimeField()


class Overview(APIView):
    """The system at a glance."""

    @extend_schema(operation_id="overview", responses=OverviewSerializer)
    def get(self, request: Request) -> Response:
        """Totals, what runs, what is stored, and whether each part answers."""
        return Response(overview())
