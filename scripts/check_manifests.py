"""Judge the manifests in k8s/ as they reach a cluster: rendered by kustomize, then validated and linted.

Runs with the tools of requirements-lint.txt (`make check` keeps them in .venv-lint): kubectl renders each
set, kubernetes-validate knows the kinds of Kubernetes, checkov what is unsafe; yamllint reads all YAML.
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
OLDEST = "1.29"
NO_COMPONENTS = "components: []"
EXTENSIONS = ("cert-manager.io/", "kueue.x-k8s.io/", "monitoring.coreos.com/")
"""Kinds that Kubernetes itself does not know; their own controllers check them."""


@dataclass
class Verdict:
    """What the linters say of one set."""

    name: str
    objects: int = 0
    foreign: int = 0
    checkov: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The verdict in one line."""
        counts = ", ".join(
            f"{self.checkov.get(key, 0)} {key}" for key in ("passed", "failed", "skipped")
        )
        foreign = f" and {self.foreign} of kinds that need a CRD" if self.foreign else ""
        return f"{self.name}: {self.objects} objects{foreign}; checkov: {counts}"


class RefusedError(Exception):
    """A tool is missing or cannot read its input; the text says what to do."""


def main() -> int:
    """Print a line for each set; 1 when anything is wrong."""
    try:
        versions = [OLDEST, newest_version()]
        with tempfile.TemporaryDirectory(prefix="robotsim-manifests-") as folder:
            sets = list(rendered(Path(folder)))
            with ThreadPoolExecutor(max_workers=2) as pool:
                verdicts = list(pool.map(lambda path: judged(path, versions), sets))
        problems = yaml_problems()
    except RefusedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for verdict in verdicts:
        sys.stdout.write(f"{verdict.line()}\n")
        problems += verdict.problems
    sys.stdout.write(f"Kubernetes {' and '.join(versions)}; yamllint: {len(yaml_files())} files\n")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def tool(name: str) -> str:
    """The program beside this Python, else the one on PATH.

    Raises:
        RefusedError: it is nowhere.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        message = f"{name} is missing: run `make check`, or install requirements-lint.txt."
        raise RefusedError(message)
    return found


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool in the root of the project and catch what it says."""
    return subprocess.run(  # noqa: S603  our own tools
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )


def rendered(folder: Path) -> Iterator[Path]:
    """Render each set: the whole, the overlays, and production with each component and with all."""
    tree = folder / "k8s"
    shutil.copytree(ROOT / "k8s", tree, symlinks=True)
    yield render(tree, folder / "k8s.yaml")
    for overlay in sorted((tree / "overlays").iterdir()):
        yield render(overlay, folder / f"overlay {overlay.name}.yaml")
    components = sorted(path.name for path in (tree / "components").iterdir())
    for names in ([name] for name in components):
        choose(tree / "overlays" / "production", names)
        render(
            tree / "overlays" / "production", folder / "each.yaml"
        )  # it stands alone; judged below
    choose(tree / "overlays" / "production", components)
    yield render(
        tree / "overlays" / "production", folder / f"production with {', '.join(components)}.yaml"
    )


def choose(overlay: Path, components: list[str]) -> None:
    """Let the copy of an overlay have these components."""
    original = ROOT / overlay.relative_to(overlay.parents[2]) / "kustomization.yaml"
    text = original.read_text(encoding="utf-8")
    if NO_COMPONENTS not in text:
        message = f"{original.relative_to(ROOT)} must have the line `{NO_COMPONENTS}`."
        raise RefusedError(message)
    chosen = json.dumps([f"../../components/{name}" for name in components])
    text = text.replace(NO_COMPONENTS, f"components: {chosen}")
    (overlay / "kustomization.yaml").write_text(text, encoding="utf-8")


def render(kustomization: Path, target: Path) -> Path:
    """Render one kustomization into a file.

    Raises:
        RefusedError: kustomize refuses it.
    """
    answer = run(tool("kubectl"), "kustomize", kustomization)
    if answer.returncode:
        message = f"{kustomization.parent.name}/{kustomization.name}: {answer.stderr.strip()}"
        raise RefusedError(message)
    target.write_text(answer.stdout, encoding="utf-8")
    return target


def judged(path: Path, versions: list[str]) -> Verdict:
    """Ask all linters about one rendered set."""
    objects = [part for part in yaml.safe_load_all(path.read_text(encoding="utf-8")) if part]
    known = [part for part in objects if not str(part["apiVersion"]).startswith(EXTENSIONS)]
    verdict = Verdict(path.stem, objects=len(known), foreign=len(objects) - len(known))
    core = path.with_suffix(".core.yaml")
    core.write_text(yaml.safe_dump_all(known), encoding="utf-8")
    for version in versions:
        answer = run(tool("kubernetes-validate"), "--strict", "--quiet", "-k", version, core)
        said = (answer.stdout + answer.stderr).strip()
        if answer.returncode or said:
            verdict.problems.append(f"{verdict.name}, Kubernetes {version}: {said}")
    verdict.checkov, failed = checkov(path)
    verdict.problems += [f"{verdict.name}, checkov: {line}" for line in failed]
    return verdict


def checkov(path: Path) -> tuple[dict[str, int], list[str]]:
    """Run checkov on one file.

    Returns:
        Its summary, and a line for each failed check.
    """
    answer = run(tool("checkov"), "--config-file", "k8s/.checkov.yaml", "-o", "json", "-f", path)
    try:
        report: dict[str, Any] = json.loads(answer.stdout)
        summary = report["summary"]
    except (ValueError, KeyError, TypeError) as error:
        message = f"checkov gave no report on {path.stem}: {answer.stderr.strip()[-2000:]}"
        raise RefusedError(message) from error
    failed = [
        f"{check['check_id']} {check['resource']}: {check['check_name']}"
        for check in report["results"]["failed_checks"]
    ]
    failed += [f"cannot be read: {name}" for name in report["results"].get("parsing_errors", [])]
    return summary, failed


def newest_version() -> str:
    """The newest version of Kubernetes that kubernetes-validate knows, as `1.37`."""
    import kubernetes_validate  # type: ignore[import-not-found]  # noqa: PLC0415  only in .venv-lint

    return ".".join(str(kubernetes_validate.latest_version()).split(".")[:2])


def yaml_files() -> list[str]:
    """The YAML files of the project that git knows or would take."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", "*.yaml", "*.yml", ".yamllint")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def yaml_problems() -> list[str]:
    """What yamllint finds, a line each."""
    answer = run(tool("yamllint"), "--strict", "-f", "parsable", *yaml_files())
    if answer.returncode and not answer.stdout:
        raise RefusedError(answer.stderr.strip())
    return answer.stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
