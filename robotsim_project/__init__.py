"""Project package: settings, URLs, access table, health, telemetry and processes."""
