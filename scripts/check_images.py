"""Lint Dockerfile, docker-compose.yml, shell scripts and workflows.

Runs with the tools of requirements-lint.txt (`make check` installs them in .venv-lint). Exceptions are
written next to the line that they apply to, with the reason.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(".github/workflows/*.yml"))
SCRIPTS = ["install.sh", "server-renew.sh", "restore.sh", ".ci/run"]
"""Shell scripts; the files that they source are checked with them."""

LINTERS = {
    "hadolint": ["hadolint", "Dockerfile"],
    "shellcheck": ["shellcheck", "--external-sources", *SCRIPTS],
    "actionlint": ["actionlint", *WORKFLOWS],
    "compose": [
        *("check-jsonschema", "--builtin-schema", "vendor.compose-spec"),
        "docker-compose.yml",
    ],
}
CHECKOV = ["dockerfile", "github_actions"]


def main() -> int:
    """Print a line per linter; return 1 when one finds something or is missing."""
    failed = 0
    for name, command in LINTERS.items():
        code, output, errors = run(command)
        sys.stdout.write(f"{name}: {'clean' if code == 0 else 'findings'}\n")
        if code:
            failed = 1
            sys.stderr.write(output + errors)
    for framework in CHECKOV:
        failed |= checkov(framework)
    return failed


def run(command: list[str]) -> tuple[int, str, str]:
    """Run a program; return exit code, output and errors. A missing program counts as a failure."""
    program = TOOLS / command[0]
    if not program.exists():
        return 1, "", f"{command[0]} is missing: run `make check`, which installs it.\n"
    done = subprocess.run(  # noqa: S603  the tools are constants
        [program, *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def checkov(framework: str) -> int:
    """Run checkov, print its counts and failed checks; return 1 when there are any."""
    place = ["--file", "Dockerfile"] if framework == "dockerfile" else ["--directory", "."]
    code, output, errors = run(
        ["checkov", *place, "--framework", framework, "--output", "json", "--quiet"]
    )
    try:
        report = json.loads(output)
        summary = report["summary"]
    except (ValueError, KeyError, TypeError):
        sys.stderr.write(f"checkov {framework} wrote no report:\n{output}{errors}")
        return 1
    counts = ", ".join(f"{summary[key]} {key}" for key in ("passed", "failed", "skipped"))
    sys.stdout.write(f"checkov {framework}: {counts}\n")
    for check in report["results"]["failed_checks"]:
        sys.stderr.write(f"{check['file_path']}: {check['check_id']} {check['check_name']}\n")
    return 1 if code or summary["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
