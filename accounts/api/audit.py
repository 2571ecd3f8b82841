"""The audit log, for admins."""

from typing import Any

import django_filters
from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers, viewsets

from accounts.choices import ACTION_NUMBERS, AuditAction
from common.rest.filters import IdFilter, InstantFilter

ACTION_BY_NUMBER = {number: action for action, number in ACTION_NUMBERS.items()}


class AuditSerializer(serializers.ModelSerializer[LogEntry]):
    """One change: `changes` has the old and the new value of each field."""

    at = serializers.DateTimeField(source="timestamp")
    action = serializers.SerializerMethodField()
    object_type = serializers.SerializerMethodField(help_text=_("Such as templates.template."))
    object_id = serializers.CharField(source="object_pk")
    object_name = serializers.CharField(source="object_repr")
    actor_email = serializers.SerializerMethodField()
    address = serializers.IPAddressField(source="remote_addr", allow_null=True)
    token = serializers.SerializerMethodField(help_text=_("Id of the program's token; null: none."))
    changes = serializers.SerializerMethodField()
    values = serializers.SerializerMethodField(
        help_text=_("More about an action that changes no field, such as the result of a test.")
    )

    class Meta:
        model = LogEntry
        fields = [
            "id",
            "at",
            "action",
            "object_type",
            "object_id",
            "object_name",
            "actor",
            "actor_email",
            "address",
            "token",
            "changes",
            "values",
        ]

    @extend_schema_field(serializers.ChoiceField(choices=AuditAction.choices))
    def get_action(self, entry: LogEntry) -> str:
        return str(ACTION_BY_NUMBER[entry.action])

    def get_object_type(self, entry: LogEntry) -> str:
        content_type = ContentType.objects.get_for_id(entry.content_type_id)  # cached
        return f"{content_type.app_label}.{content_type.model}"

    def get_actor_email(self, entry: LogEntry) -> str | None:
        email: str | None = entry.actor_email
        return email

    def get_token(self, entry: LogEntry) -> int | None:
        token: int | None = (entry.additional_data or {}).get("token")
        return token

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_changes(self, entry: LogEntry) -> Any:
        return entry.changes or {}

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_values(self, entry: LogEntry) -> Any:
        values = dict(entry.additional_data or {})
        values.pop("token", None)
        return values


class AuditFilter(django_filters.FilterSet):
    """Filters of the audit log."""

    actor = IdFilter("actor_id")
    actor_email = django_filters.CharFilter("actor_email", lookup_expr="iexact")
    action = django_filters.ChoiceFilter(choices=AuditAction.choices, method="by_action")
    object_type = django_filters.CharFilter(method="by_type", label=_("Such as storage.rosbag"))
    object_id = django_filters.CharFilter("object_pk", max_length=255)
    after = InstantFilter("timestamp", lookup_expr="gte")
    before = InstantFilter("timestamp", lookup_expr="lt")

    def by_action(self, rows: QuerySet[LogEntry], _name: str, value: str) -> QuerySet[LogEntry]:
        return rows.filter(action=ACTION_NUMBERS[AuditAction(value)])

    def by_type(self, rows: QuerySet[LogEntry], _name: str, value: str) -> QuerySet[LogEntry]:
        app_label, _, model = value.lower().partition(".")
        content_types = ContentType.objects.filter(app_label=app_label, model=model)
        return rows.filter(content_type__in=list(content_types))


class AuditViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[LogEntry]):
    """Changes of what people edit, starts and stops of executions, tests of mecs; the newest first."""

    queryset = LogEntry.objects.order_by("-id")
    serializer_class = AuditSerializer
    filterset_class = AuditFilter
    ordering_fields = ["id"]
