"""The console's list of hours, which the charts of the dashboard are drawn from."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from common.admin.changelists import BoundedListMixin
from common.admin.numbers import size
from simulations.models import HourStatistics


@admin.register(HourStatistics)
class HourStatisticsAdmin(BoundedListMixin, admin.ModelAdmin[Any]):
    """Statistics of each hour."""

    list_display = ("hour", "executions", "failed", "stopped", "agents", "stored")
    fields = ("hour", "executions", "failed", "stopped", "agents", "stored")
    list_filter = ("hour",)

    @admin.display(description=_("stored"), ordering="stored_bytes")
    def stored(self, row: HourStatistics) -> str:
        return size(row.stored_bytes)
