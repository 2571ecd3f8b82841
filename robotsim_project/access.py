"""Who may call what: each address and method, the least role, and the scope that a program's token needs.

The one table that `accounts.permissions` asks, on every call; what has no row here is closed. Roles
include each other: admin may all that operator may, operator all that viewer may. Pages of the console
have the rights of their models instead (`accounts.permissions.RoleBackend`).
"""

from accounts.choices import Role, Scope
from accounts.permissions import Rule

ANYBODY = Rule(None, None)
VIEWER = Rule(Role.VIEWER, Scope.READ)
UPLOADER = Rule(Role.OPERATOR, Scope.UPLOAD)
DESIGNER = Rule(Role.OPERATOR, Scope.DESIGN)
RUNNER = Rule(Role.OPERATOR, Scope.RUN)
ADMIN = Rule(Role.ADMIN, Scope.ADMIN)
PERSON = Rule(Role.VIEWER, None)
"""Somebody who has signed in: no token of a program, so that none can widen its own rights."""

TABLE: dict[str, dict[str, Rule]] = {
    "overview": {"GET": VIEWER},
    # The API's description
    "schema": {"GET": ANYBODY},
    "docs": {"GET": ANYBODY},
    # Accounts
    "auth-signup": {"POST": ANYBODY},
    "auth-signin": {"POST": ANYBODY},
    "auth-refresh": {"POST": ANYBODY},
    "auth-logout": {"POST": ANYBODY},
    "auth-verify": {"POST": ANYBODY},
    "auth-password-change": {"POST": PERSON},
    "auth-password-reset": {"POST": ANYBODY},
    "auth-password-reset-confirm": {"POST": ANYBODY},
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
    # Uploads in parts: of one's own, admins those of all
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
