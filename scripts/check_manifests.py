"""Check the manifests in k8s/ as applied to a cluster: rendered by kustomize, validated and linted.

The argument is a file with the manifests of units, which `scripts/unit_manifests.py` writes: they are checked
as part of the base.
Runs with the tools of requirements-lint.txt (`make check` installs them in .venv-lint): kubectl renders each
set, kubernetes-validate checks the kinds of Kubernetes, checkov finds unsafe settings; yamllint reads all
YAML.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
OLDEST_VERSION = "1.29"
NO_COMPONENTS = "components: []"
EXTENSIONS = ("cert-manager.io/", "kueue.x-k8s.io/", "monitoring.coreos.com/")
"""Groups of custom resources, which their own controllers validate."""


@dataclass
class Report:
    """Findings of the linters for one set."""

    name: str
    objects: int = 0
    custom: int = 0
    checkov: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return a summary in one line."""
        counts = ", ".join(
            f"{self.checkov.get(key, 0)} {key}" for key in ("passed", "failed", "skipped")
        )
        custom = f" and {self.custom} of kinds that need a CRD" if self.custom else ""
        return f"{self.name}: {self.objects} objects{custom}; checkov: {counts}"


class CheckError(Exception):
    """A tool is missing or cannot read its input; the message says what to do."""


def main() -> int:
    """Print a line per set; return 1 when anything is wrong."""
    try:
        versions = [OLDEST_VERSION, newest_version()]
        with tempfile.TemporaryDirectory(prefix="robotsim-manifests-") as folder:
            sets = list(render_all(Path(folder)))
            for units in sys.argv[1:]:
                add(sets[0], Path(units))
            with ThreadPoolExecutor(max_workers=2) as pool:
                reports = list(pool.map(lambda path: check(path, versions), sets))
        problems = yaml_problems()
    except CheckError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for report in reports:
        sys.stdout.write(f"{report.line()}\n")
        problems += report.problems
    sys.stdout.write(f"Kubernetes {' and '.join(versions)}; yamllint: {len(yaml_files())} files\n")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def tool(name: str) -> str:
    """Find a program next to this Python, else on PATH.

    Raises:
        CheckError: It is not installed.
    """
    path = Path(sys.executable).parent / name
    program = str(path) if path.exists() else shutil.which(name)
    if not program:
        message = f"{name} is missing: run `make check`, or install requirements-lint.txt."
        raise CheckError(message)
    return program


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool in the root of the project and capture its output."""
    return subprocess.run(  # noqa: S603  the tools are constants
        [str(argument) for argument in command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def render_all(folder: Path) -> Iterator[Path]:
    """Render each set: the base, the overlays, and production with each component and with all."""
    tree = folder / "k8s"
    shutil.copytree(ROOT / "k8s", tree, symlinks=True)
    yield render(tree, folder / "k8s.yaml")
    for overlay in sorted((tree / "overlays").iterdir()):
        yield render(overlay, folder / f"overlay {overlay.name}.yaml")
    components = sorted(path.name for path in (tree / "components").iterdir())
    for names in ([name] for name in components):
        enable(tree / "overlays" / "production", names)
        render(
            tree / "overlays" / "production", folder / "each.yaml"
        )  # must render alone; checked with the others below
    enable(tree / "overlays" / "production", components)
    yield render(
        tree / "overlays" / "production", folder / f"production with {', '.join(components)}.yaml"
    )


def enable(overlay: Path, components: list[str]) -> None:
    """Enable components in the copy of an overlay."""
    original = ROOT / overlay.relative_to(overlay.parents[2]) / "kustomization.yaml"
    text = original.read_text(encoding="utf-8")
    if NO_COMPONENTS not in text:
        message = f"{original.relative_to(ROOT)} must have the line `{NO_COMPONENTS}`."
        raise CheckError(message)
    paths = json.dumps([f"../../components/{name}" for name in components])
    text = text.replace(NO_COMPONENTS, f"components: {paths}")
    (overlay / "kustomization.yaml").write_text(text, encoding="utf-8")


def render(kustomization: Path, target: Path) -> Path:
    """Render one kustomization into a file.

    Raises:
        CheckError: kustomize fails.
    """
    result = run(tool("kubectl"), "kustomize", kustomization)
    if result.returncode:
        message = f"{kustomization.parent.name}/{kustomization.name}: {result.stderr.strip()}"
        raise CheckError(message)
    target.write_text(result.stdout, encoding="utf-8")
    return target


def add(path: Path, more: Path) -> None:
    """Add manifests to a rendered set."""
    text = path.read_text(encoding="utf-8") + "---\n" + more.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")


def check(path: Path, versions: list[str]) -> Report:
    """Run all linters on one rendered set."""
    objects = [
        document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document
    ]
    standard = [
        document for document in objects if not str(document["apiVersion"]).startswith(EXTENSIONS)
    ]
    report = Report(path.stem, objects=len(standard), custom=len(objects) - len(standard))
    core = path.with_suffix(".core.yaml")
    core.write_text(yaml.safe_dump_all(standard), encoding="utf-8")
    for version in versions:
        result = run(tool("kubernetes-validate"), "--strict", "--quiet", "-k", version, core)
        output = (result.stdout + result.stderr).strip()
        if result.returncode or output:
            report.problems.append(f"{report.name}, Kubernetes {version}: {output}")
    report.checkov, failed = checkov(path)
    report.problems += [f"{report.name}, checkov: {line}" for line in failed]
    return report


def checkov(path: Path) -> tuple[dict[str, int], list[str]]:
    """Run checkov on one file.

    Returns:
        Its summary, and a line for each failed check.
    """
    result = run(tool("checkov"), "--config-file", "k8s/.checkov.yaml", "-o", "json", "-f", path)
    try:
        report: dict[str, Any] = json.loads(result.stdout)
        summary = report["summary"]
    except (ValueError, KeyError, TypeError) as error:
        message = f"checkov gave no report on {path.stem}: {result.stderr.strip()[-2000:]}"
        raise CheckError(message) from error
    failed = [
        f"{check['check_id']} {check['resource']}: {check['check_name']}"
        for check in report["results"]["failed_checks"]
    ]
    failed += [f"cannot be read: {name}" for name in report["results"].get("parsing_errors", [])]
    return summary, failed


def newest_version() -> str:
    """Return the newest version of Kubernetes that kubernetes-validate supports, such as `1.37`."""
    import kubernetes_validate  # type: ignore[import-not-found]  # noqa: PLC0415  only in .venv-lint

    return ".".join(str(kubernetes_validate.latest_version()).split(".")[:2])


def yaml_files() -> list[str]:
    """List the YAML files of the project that git tracks or would add."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", "*.yaml", "*.yml", ".yamllint")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def yaml_problems() -> list[str]:
    """Return the findings of yamllint, one per line."""
    result = run(tool("yamllint"), "--strict", "-f", "parsable", *yaml_files())
    if result.returncode and not result.stdout:
        raise CheckError(result.stderr.strip())
    return result.stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
