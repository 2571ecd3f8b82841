"""Settings of runs: backend, units, time limits, retention; the rules are in docs/architecture.md."""

from robotsim_project import formats
from robotsim_project.environment import BASE_DIR, folder, integer, number, text

BACKEND = text("BACKEND", "local", formats.one_of("local", "kubernetes"))
# Of the backend `kubernetes`.
AGENT_IMAGE = text("AGENT_IMAGE", "robot-sim-agent:latest", formats.IMAGE)
AGENT_IMAGE_PULL_POLICY = text(
    "AGENT_IMAGE_PULL_POLICY", "IfNotPresent", formats.one_of("Always", "IfNotPresent", "Never")
)
AGENT_NAMESPACE = text("AGENT_NAMESPACE", "robot-agents", formats.DNS_LABEL)
AGENT_QUEUE = text("AGENT_QUEUE", "", formats.optional(formats.DNS_LABEL))
AGENT_DISK_MIB = integer("AGENT_DISK_MIB", 2048, min=64, max=1_000_000)
# Read by units only, and no part of a backup.
MEC_SECRETS_DIR = folder("MEC_SECRETS_DIR", folder("DATA_DIR", BASE_DIR / "data") / "mec-secrets")
AGENTS_PER_UNIT = integer("AGENTS_PER_UNIT", 10, min=1, max=1000)
MAX_AGENTS = integer("MAX_AGENTS", 10_000, min=1, max=1_000_000)
HEARTBEAT_SECONDS = number("HEARTBEAT_SECONDS", 1, min=0.1, max=60)
HUNG_AFTER_SECONDS = number("HUNG_AFTER_SECONDS", 20, min=0.5, max=3600)
STRAGGLER_LIMIT_SECONDS = number("STRAGGLER_LIMIT_SECONDS", 120, min=1, max=3600)
RELEASE_LEAD_SECONDS = number("RELEASE_LEAD_SECONDS", 3, min=0.1, max=600)
RECORDING_SEGMENT_SECONDS = number("RECORDING_SEGMENT_SECONDS", 30, min=1, max=3600)
RECORDING_SEGMENT_MIB = integer("RECORDING_SEGMENT_MIB", 64, min=1, max=10_240)
UPLOAD_LIMIT_SECONDS = number("UPLOAD_LIMIT_SECONDS", 1800, min=1, max=86400)
CONTROLLER_INTERVAL_SECONDS = number("CONTROLLER_INTERVAL_SECONDS", 0.25, min=0.05, max=60)

RETENTION_DAYS = {
    "events": integer("RETENTION_EVENTS_DAYS", 365, min=1, max=36500),
    "agent_runs": integer("RETENTION_AGENT_RUNS_DAYS", 365, min=1, max=36500),
    "logs": integer("RETENTION_LOGS_DAYS", 90, min=1, max=36500),
    "recordings": integer("RETENTION_RECORDINGS_DAYS", 3650, min=1, max=36500),
}
