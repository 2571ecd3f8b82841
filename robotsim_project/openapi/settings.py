"""Settings of drf-spectacular, which generates the OpenAPI schema."""

from typing import Any

from robotsim_project.openapi import components


def spectacular(api_str: str, version: str) -> dict[str, Any]:
    """Return the settings for an API below a path."""
    return {
        "TITLE": "robotsim",
        "DESCRIPTION": components.CONVENTIONS,
        "VERSION": version,
        "LICENSE": {"name": "Apache-2.0"},
        "TAGS": components.TAGS,
        "APPEND_COMPONENTS": components.components(),
        "SERVE_INCLUDE_SCHEMA": False,
        "SERVE_PERMISSIONS": ["accounts.permissions.RolePermission"],
        "SWAGGER_UI_DIST": "SIDECAR",
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
        "REDOC_DIST": "SIDECAR",
        "COMPONENT_SPLIT_REQUEST": True,
        "ENFORCE_NON_BLANK_FIELDS": True,
        "SCHEMA_PATH_PREFIX": api_str,
        "ENUM_NAME_OVERRIDES": {
            "RoleEnum": "accounts.choices.Role",
            "ScopeEnum": "accounts.choices.Scope",
            "AuditActionEnum": "accounts.choices.AuditAction",
            "AgentStatusEnum": "simulations.choices.AgentStatus",
            "AnswersEnum": ["ok", "away"],
            "DeletionStatusEnum": "simulations.choices.DeletionStatus",
            "ExportFormatEnum": "storage.choices.ExportFormat",
            "ExportStatusEnum": "storage.choices.ExportStatus",
            "DesignStatusEnum": "simulations.choices.DesignStatus",
            "LossReasonEnum": "simulations.choices.LossReason",
            "RecordingStatusEnum": "simulations.choices.RecordingStatus",
            "RosbagStatusEnum": "storage.choices.Status",
            "RunStatusEnum": "simulations.choices.RunStatus",
        },
    }
