"""The history of a row: the newest entries of the audit about it."""

from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.http import urlencode

from accounts.admin.audit import sentences
from accounts.services.audit import histories
from common.admin.times import moment

MAX_ROWS = 100


def context(row: Model) -> dict[str, Any]:
    """Return the values of the template of a history."""
    entries = list(histories.entries(row)[: MAX_ROWS + 1])
    search = urlencode({"kind": row._meta.label_lower, "object_pk__exact": str(row.pk)})  # noqa: SLF001
    return {
        "entries": [
            {
                "what": sentences.linked(entry),
                "who": sentences.who(entry),
                "when": moment(entry.timestamp),
                "changes": sentences.changes(entry),
            }
            for entry in entries[:MAX_ROWS]
        ],
        "has_more": len(entries) > MAX_ROWS,
        "audit_url": f"{reverse('admin:auditlog_logentry_changelist')}?{search}",
    }
