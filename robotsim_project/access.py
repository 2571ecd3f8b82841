"""The access table: for each URL name and method the minimum role, and the scope that a token needs.

`accounts.permissions` looks every API call up in this table; a call without a row is refused. Each role
includes the rights of the lower ones: admin those of operator, operator those of viewer. Pages of the
console use the permissions of their models instead (`accounts.permissions.RoleBackend`).
"""

from accounts.choices import Role, Scope
from accounts.permissions import Rule

ANYONE = Rule(None, None)
VIEWER = Rule(Role.VIEWER, Scope.READ)
UPLOADER = Rule(Role.OPERATOR, Scope.UPLOAD)
DESIGNER = Rule(Role.OPERATOR, Scope.DESIGN)
RUNNER = Rule(Role.OPERATOR, Scope.RUN)
ADMIN = Rule(Role.ADMIN, Scope.ADMIN)
PERSON = Rule(Role.VIEWER, None)
"""A user who has signed in. Tokens of programs are refused, so that none can extend its own rights."""

TABLE: dict[str, dict[str, Rule]] = {
    "overview": {"GET": VIEWER},
    # OpenAPI schema and its viewer
    "schema": {"GET": ANYONE},
    "docs": {"GET": ANYONE},
    # Accounts
    "auth-signup": {"POST": ANYONE},
    "auth-signin": {"POST": ANYONE},
    "auth-refresh": {"POST": ANYONE},
    "auth-logout": {"POST": ANYONE},
    "auth-verify": {"POST": ANYONE},
    "auth-password-change": {"POST": PERSON},
    "auth-password-reset": {"POST": ANYONE},
    "auth-password-reset-confirm": {"POST": ANYONE},
    "me": {"GET": VIEWER, "PATCH": PERSON},
    "me-sessions": {"GET": PERSON, "DELETE": PERSON},
    "me-session": {"DELETE": PERSON},
    "me-tokens": {"GET": PERSON, "POST": PERSON},
    "me-token": {"DELETE": PERSON},
    "roles": {"GET": VIEWER},
    "user-list": {"GET": ADMIN, "POST": ADMIN},
    "user-detail": {"GET": ADMIN, "PATCH": ADMIN, "DELETE": ADMIN},
    "token-list": {"GET": ADMIN},
    "token-detail": {"DELETE": ADMIN},
    "audit-list": {"GET": ADMIN},
    # Rosbags
    "rosbag-list": {"GET": VIEWER, "POST": UPLOADER},
    "rosbag-detail": {"GET": VIEWER, "PATCH": UPLOADER, "DELETE": UPLOADER},
    "rosbag-verify": {"POST": UPLOADER},
    "rosbag-restore": {"POST": UPLOADER},
    "rosbag-bulk-delete": {"POST": UPLOADER},
    "rosbag-topics": {"GET": VIEWER},
    "rosbag-files": {"GET": VIEWER},
    "rosbag-file": {"GET": VIEWER},
    "rosbag-archive": {"GET": VIEWER},
    "rosbag-messages": {"GET": VIEWER},
    "rosbag-fields": {"GET": VIEWER},
    "rosbag-trajectory": {"GET": VIEWER},
    "rosbag-series": {"GET": VIEWER},
    "rosbag-thumbnails": {"GET": VIEWER},
    "rosbag-thumbnail": {"GET": VIEWER},
    "rosbag-timeline": {"GET": VIEWER},
    "rosbag-exports": {"GET": VIEWER, "POST": UPLOADER},
    "export-detail": {"GET": VIEWER, "DELETE": UPLOADER},
    "export-cancel": {"POST": UPLOADER},
    # Uploads in parts: one's own; admins may use all
    "upload-list": {"GET": UPLOADER, "POST": UPLOADER},
    "upload-detail": {"GET": UPLOADER, "DELETE": UPLOADER},
    "upload-parts": {"GET": UPLOADER},
    "upload-complete": {"POST": UPLOADER},
    # Templates
    "template-list": {"GET": VIEWER, "POST": DESIGNER},
    "template-detail": {"GET": VIEWER, "PUT": DESIGNER, "PATCH": DESIGNER, "DELETE": DESIGNER},
    "template-restore": {"POST": DESIGNER},
    "template-bulk-delete": {"POST": DESIGNER},
    # Mecs
    "mec-list": {"GET": VIEWER, "POST": ADMIN},
    "mec-detail": {"GET": VIEWER, "PUT": ADMIN, "PATCH": ADMIN, "DELETE": ADMIN},
    # Simulations
    "simulation-list": {"GET": VIEWER, "POST": DESIGNER},
    "simulation-detail": {"GET": VIEWER, "PUT": DESIGNER, "PATCH": DESIGNER, "DELETE": DESIGNER},
    "simulation-start": {"POST": RUNNER},
    "simulation-clone": {"POST": DESIGNER},
    "simulation-reorder": {"POST": DESIGNER},
    "simulation-restore": {"POST": DESIGNER},
    "simulation-purge": {"POST": ADMIN},
    "simulation-bulk-delete": {"POST": DESIGNER},
    "deletion-list": {"GET": VIEWER},
    "deletion-detail": {"GET": VIEWER},
    # Executions
    "execution-list": {"GET": VIEWER},
    "execution-detail": {"GET": VIEWER},
    "execution-stop": {"POST": RUNNER},
    "execution-again": {"POST": RUNNER},
    "execution-bulk-stop": {"POST": RUNNER},
    "execution-logs": {"GET": VIEWER},
    "execution-agents": {"GET": VIEWER},
    "execution-recordings": {"GET": VIEWER},
    "execution-events": {"GET": VIEWER},
    "execution-progress": {"GET": VIEWER},
    "execution-ticket": {"POST": VIEWER},
    "execution-stream": {"GET": VIEWER},
}
