"""The access table: who may call what in the API, and do what in the console.

`accounts.permissions` looks each call of the API up in `TABLE`, by URL name and method, and each permission
of the console in `CONSOLE`, by model and verb. What has no row is refused, to admins too. Each role includes
the rights of the lower ones: admin those of operator, operator those of viewer.
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
    "template-measured-resources": {"GET": VIEWER},
    "template-bulk-delete": {"POST": DESIGNER},
    # Mecs
    "mec-list": {"GET": VIEWER, "POST": ADMIN},
    "mec-detail": {"GET": VIEWER, "PUT": ADMIN, "PATCH": ADMIN, "DELETE": ADMIN},
    "mec-test": {"POST": RUNNER},
    # Simulations
    "simulation-list": {"GET": VIEWER, "POST": DESIGNER},
    "simulation-detail": {"GET": VIEWER, "PUT": DESIGNER, "PATCH": DESIGNER, "DELETE": DESIGNER},
    "simulation-start": {"POST": RUNNER},
    "simulation-preflight": {"POST": RUNNER},
    "simulation-clone": {"POST": DESIGNER},
    "simulation-reorder": {"POST": DESIGNER},
    "simulation-restore": {"POST": DESIGNER},
    "simulation-purge": {"POST": ADMIN},
    "simulation-bulk-delete": {"POST": DESIGNER},
    "quick-runs": {"POST": RUNNER},
    "deletion-list": {"GET": VIEWER},
    "deletion-detail": {"GET": VIEWER},
    # Executions
    "execution-list": {"GET": VIEWER},
    "execution-detail": {"GET": VIEWER},
    "execution-stop": {"POST": RUNNER},
    "execution-again": {"POST": RUNNER},
    "execution-plan-difference": {"GET": VIEWER},
    "execution-bulk-stop": {"POST": RUNNER},
    "execution-logs": {"GET": VIEWER},
    "execution-agents": {"GET": VIEWER},
    "execution-recordings": {"GET": VIEWER},
    "execution-events": {"GET": VIEWER},
    "execution-subscribers": {"GET": VIEWER},
    "execution-progress": {"GET": VIEWER},
    "execution-ticket": {"POST": VIEWER},
    "execution-stream": {"GET": VIEWER},
}

_DESIGN = TABLE["simulation-detail"]["PUT"]

CONSOLE: dict[str, dict[str, Rule]] = {
    # Accounts
    "accounts.user": {
        "view": TABLE["user-list"]["GET"],
        "add": TABLE["user-list"]["POST"],
        "change": TABLE["user-detail"]["PATCH"],
        "delete": TABLE["user-detail"]["DELETE"],
    },
    "accounts.apitoken": {
        "view": TABLE["token-list"]["GET"],
        "revoke": TABLE["token-detail"]["DELETE"],
    },
    "auditlog.logentry": {"view": TABLE["audit-list"]["GET"]},
    # The history of a row says who changed it, as the audit does
    "admin.logentry": {"view": TABLE["audit-list"]["GET"]},
    # Arguments and results of tasks
    "django_tasks_database.dbtaskresult": {"view": ADMIN},
    # Pages of the system that belong to no model
    "robotsim.health": {"view": VIEWER},
    "robotsim.work": {"view": VIEWER},
    "robotsim.storage": {"view": VIEWER},
    "robotsim.settings": {"view": ADMIN},
    # Rosbags
    "storage.rosbag": {
        "view": TABLE["rosbag-list"]["GET"],
        "add": TABLE["upload-list"]["POST"],
        "change": TABLE["rosbag-detail"]["PATCH"],
        "delete": TABLE["rosbag-detail"]["DELETE"],
        "verify": TABLE["rosbag-verify"]["POST"],
        "restore": TABLE["rosbag-restore"]["POST"],
        "export": TABLE["rosbag-exports"]["POST"],
    },
    "storage.export": {
        "view": TABLE["export-detail"]["GET"],
        "cancel": TABLE["export-cancel"]["POST"],
    },
    # Templates
    "templates.template": {
        "view": TABLE["template-list"]["GET"],
        "add": TABLE["template-list"]["POST"],
        "change": TABLE["template-detail"]["PUT"],
        "delete": TABLE["template-detail"]["DELETE"],
        "restore": TABLE["template-restore"]["POST"],
    },
    # Mecs
    "simulations.mec": {
        "view": TABLE["mec-list"]["GET"],
        "add": TABLE["mec-list"]["POST"],
        "change": TABLE["mec-detail"]["PUT"],
        "delete": TABLE["mec-detail"]["DELETE"],
        "test": TABLE["mec-test"]["POST"],
    },
    # Simulations
    "simulations.simulation": {
        "view": TABLE["simulation-list"]["GET"],
        "add": TABLE["simulation-list"]["POST"],
        "change": _DESIGN,
        "delete": TABLE["simulation-detail"]["DELETE"],
        "start": TABLE["simulation-start"]["POST"],
        "quickrun": TABLE["quick-runs"]["POST"],
        "stop": TABLE["execution-stop"]["POST"],
        "clone": TABLE["simulation-clone"]["POST"],
        "restore": TABLE["simulation-restore"]["POST"],
        "purge": TABLE["simulation-purge"]["POST"],
    },
    "simulations.stage": {
        "view": TABLE["simulation-detail"]["GET"],
        "add": _DESIGN,
        "change": _DESIGN,
        "delete": _DESIGN,
    },
    "simulations.deletion": {"view": TABLE["deletion-list"]["GET"]},
    # Executions
    "simulations.execution": {
        "view": TABLE["execution-list"]["GET"],
        "stop": TABLE["execution-stop"]["POST"],
        "again": TABLE["execution-again"]["POST"],
    },
    "simulations.stagerun": {"view": TABLE["execution-detail"]["GET"]},
    "simulations.agentrun": {"view": TABLE["execution-agents"]["GET"]},
    "simulations.recording": {"view": TABLE["execution-recordings"]["GET"]},
    "simulations.hourstatistics": {"view": TABLE["overview"]["GET"]},
    "simulations.event": {"view": TABLE["execution-events"]["GET"]},
}
"""Rules of the console, each that of the call which does the same."""
