"""The overview of the system over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from simulations.services.monitoring.overview import overview


class SimulationTotalsSerializer(serializers.Serializer[Any]):
    """Simulations that are not deleted, and those with an active execution."""

    total = serializers.IntegerField()
    running = serializers.IntegerField()


class ExecutionTotalsSerializer(serializers.Serializer[Any]):
    """Executions that have not ended."""

    active = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())


class AgentTotalsSerializer(serializers.Serializer[Any]):
    """Agents of active executions; `complete` is false where there were too many to count."""

    total = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    complete = serializers.BooleanField()


class MecTotalsSerializer(serializers.Serializer[Any]):
    """Systems under test."""

    total = serializers.IntegerField()
    enabled = serializers.IntegerField()


class TemplateTotalsSerializer(serializers.Serializer[Any]):
    """Templates that are not deleted."""

    total = serializers.IntegerField()


class RosbagTotalsSerializer(serializers.Serializer[Any]):
    """Rosbags that are not deleted; `size` is their total in bytes."""

    total = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    size = serializers.IntegerField()


class HealthSerializer(serializers.Serializer[Any]):
    """The state of each part of the system; `ok` if it works."""

    database = serializers.ChoiceField(choices=["ok"])
    redis = serializers.ChoiceField(choices=["ok", "away"])
    storage = serializers.ChoiceField(choices=["ok", "away"])
    controller = serializers.ChoiceField(choices=["ok", "silent", "unknown"])
    worker = serializers.ChoiceField(choices=["ok", "behind"])
    backend = serializers.ChoiceField(choices=["ok", "away", "unknown"])


class OverviewSerializer(serializers.Serializer[Any]):
    """The state of the system at `as_of`, at most a few seconds ago."""

    simulations = SimulationTotalsSerializer()
    executions = ExecutionTotalsSerializer()
    agents = AgentTotalsSerializer()
    mecs = MecTotalsSerializer()
    templates = TemplateTotalsSerializer()
    rosbags = RosbagTotalsSerializer()
    health = HealthSerializer()
    as_of = serializers.DateTimeField()


class Overview(APIView):
    """The overview of the system."""

    @extend_schema(operation_id="overview", responses=OverviewSerializer)
    def get(self, request: Request) -> Response:
        """Totals of simulations, executions, agents and rosbags, and the health of each part."""
        return Response(overview())
