"""Judge what builds and starts the images: Dockerfile, docker-compose.yml, shell scripts, workflows.

Runs with the tools of requirements-lint.txt (`make check` keeps them in .venv-lint). What a linter is not to
say stands beside the line that it is said of, with the reason.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BESIDE = Path(sys.executable).parent
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(".github/workflows/*.yml"))
SCRIPTS = ["install.sh", "server-renew.sh", "restore.sh", ".ci/run"]
"""What they source is read along with them."""

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
    """Print a line for each linter; 1 when one finds something or is missing."""
    bad = 0
    for name, command in LINTERS.items():
        code, told, trouble = run(command)
        sys.stdout.write(f"{name}: {'clean' if code == 0 else 'findings'}\n")
        if code:
            bad = 1
            sys.stderr.write(told + trouble)
    for framework in CHECKOV:
        bad |= checkov(framework)
    return bad


def run(command: list[str]) -> tuple[int, str, str]:
    """Exit code, output and errors; a program that is missing is a finding."""
    program = BESIDE / command[0]
    if not program.exists():
        return 1, "", f"{command[0]} is missing: run `make check`, which installs it.\n"
    done = subprocess.run(  # noqa: S603  our own tools
        [program, *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def checkov(framework: str) -> int:
    """Print the counts of checkov, and each failed check; 1 when there is one."""
    place = ["--file", "Dockerfile"] if framework == "dockerfile" else ["--directory", "."]
    code, told, trouble = run(
        ["checkov", *place, "--framework", framework, "--output", "json", "--quiet"]
    )
    try:
        report = json.loads(told)
        summary = report["summary"]
    except (ValueError, KeyError, TypeError):
        sys.stderr.write(f"checkov {framework} gave no verdict:\n{told}{trouble}")
        return 1
    counts = ", ".join(f"{summary[key]} {key}" for key in ("passed", "failed", "skipped"))
    sys.stdout.write(f"checkov {framework}: {counts}\n")
    for check in report["results"]["failed_checks"]:
        sys.stderr.write(f"{check['file_path']}: {check['check_id']} {check['check_name']}\n")
    return 1 if code or summary["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
