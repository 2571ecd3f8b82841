"""Quick runs over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.idempotency import idempotent
from common.rest.filters import MAX_ID
from common.rest.serializers import StrictSerializer
from simulations.api.execution_serializers import ExecutionSerializer
from simulations.api.responses import accepted
from simulations.api.serializers import MAX_INTEGER
from simulations.models import Mec
from simulations.services import quick_run
from simulations.services.quick_run import QuickRun
from storage.models import Rosbag
from templates.services.validation.numbers import RATE


class QuickRunSerializer(StrictSerializer):
    """A quick run: this many agents play all topics of a rosbag at once.

    `rate` is a factor on recorded time, 0 plays as fast as possible; `passes` is how often each agent plays
    the rosbag; `record` records the topics that agents play. Without `mec`: that of the latest execution.
    """

    rosbag = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    agents = serializers.IntegerField(min_value=-MAX_INTEGER, max_value=MAX_INTEGER)
    mec = serializers.PrimaryKeyRelatedField(
        queryset=Mec.objects.all(), required=False, allow_null=True
    )
    rate = serializers.FloatField(required=False)
    passes = serializers.IntegerField(required=False, min_value=-MAX_INTEGER, max_value=MAX_INTEGER)
    record = serializers.BooleanField(required=False)

    enforced = {
        "rate": RATE.schema,
        **{name: bounds.schema for name, bounds in quick_run.bounds_of_counts().items()},
    }

    def to_quick_run(self) -> QuickRun:
        """Return the validated data as argument of the service."""
        values: dict[str, Any] = dict(self.validated_data)
        return QuickRun(**values | {"rosbag": Rosbag.objects.filter(pk=values["rosbag"]).first()})


class QuickRuns(APIView):
    """Quick runs: from a rosbag to running agents in one call."""

    @extend_schema(
        operation_id="quick_runs_create",
        tags=["simulations"],
        request=QuickRunSerializer,
        responses={202: ExecutionSerializer, 422: None},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a template and a simulation of a rosbag and start them; `Location` has the execution.

        An identical template, or an identical simulation that is not running, is used again. What cannot be
        started leaves nothing.
        """
        serializer = QuickRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        execution = quick_run.start(serializer.to_quick_run(), requested_by=request.user)
        return accepted(ExecutionSerializer, execution)
