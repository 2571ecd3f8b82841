"""URLs of mecs, simulations, executions and units, below the prefix of the API."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from simulations.api import units
from simulations.api.deletions import DeletionViewSet
from simulations.api.executions import ExecutionViewSet
from simulations.api.mecs import MecViewSet
from simulations.api.overview import Overview
from simulations.api.quick_runs import QuickRuns
from simulations.api.simulations import SimulationViewSet

router = SimpleRouter(trailing_slash=False)
router.register("mecs", MecViewSet, basename="mec")
router.register("simulations", SimulationViewSet, basename="simulation")
router.register("deletions", DeletionViewSet, basename="deletion")
router.register("executions", ExecutionViewSet, basename="execution")

api_urlpatterns = [
    path("overview", Overview.as_view(), name="overview"),
    path("quick-runs", QuickRuns.as_view(), name="quick-runs"),
    *router.urls,
    path("units/register", units.register, name="unit-register"),
    path("units/report", units.report, name="unit-report"),
    path("units/echo", units.echo, name="unit-echo"),
    path("units/recording", units.recording, name="unit-recording"),
    path("units/recording/complete", units.recording_complete, name="unit-recording-complete"),
    path("units/recording/close", units.recording_close, name="unit-recording-close"),
]
