"""The manifests as a cluster gets them, for tests: rendered by kubectl, a list of objects for each set."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from robotsim_project.environment import BASE_DIR

K8S = BASE_DIR / "k8s"
SETS = ("k8s", "dev", "production", "production with components")
GUIDE = (
    "postgres-pv.yaml",
    "postgres-deploy.yaml",
    "minio-pv.yaml",
    "minio-deploy.yaml",
    "redis-deploy.yaml",
    "metrics-server-dev.yaml",
    "server-deploy.yaml",
)
"""The files of the install guide, in its order."""

Object = dict[str, Any]


def kubectl(*words: str | Path) -> str:
    """Run the kubectl of requirements-dev.txt, which renders the same everywhere, and return its output."""
    program = Path(sys.executable).with_name("kubectl")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def rendered(name: str) -> tuple[Object, ...]:
    """All objects of a set."""
    if name == "production with components":
        return with_components()
    folder = K8S if name == "k8s" else K8S / "overlays" / name
    return parsed(kubectl("kustomize", folder))


def with_components() -> tuple[Object, ...]:
    """The overlay `production` with each component that there is."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "k8s"
        shutil.copytree(K8S, tree, symlinks=True)
        chosen = [
            f"../../components/{path.name}" for path in sorted((tree / "components").iterdir())
        ]
        file = tree / "overlays" / "production" / "kustomization.yaml"
        file.write_text(file.read_text().replace("components: []", f"components: {chosen}"))
        return parsed(kubectl("kustomize", file.parent))


def parsed(text: str) -> tuple[Object, ...]:
    return tuple(part for part in yaml.safe_load_all(text) if part)


@cache
def in_file(name: str) -> tuple[Object, ...]:
    """All objects of one file below k8s/."""
    return parsed((K8S / name).read_text(encoding="utf-8"))


def identity(thing: Object) -> tuple[str, str, str]:
    """Kind, namespace and name; no namespace is an empty one."""
    return thing["kind"], thing["metadata"].get("namespace", ""), thing["metadata"]["name"]


def of_kind(objects: tuple[Object, ...], *kinds: str) -> list[Object]:
    return [thing for thing in objects if thing["kind"] in kinds]


def one(objects: tuple[Object, ...], kind: str, name: str) -> Object:
    found = [thing for thing in of_kind(objects, kind) if thing["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def template(thing: Object) -> Object | None:
    """The pod template of a workload; None: it is none."""
    match thing["kind"]:
        case "Deployment" | "StatefulSet" | "Job":
            return dict(thing["spec"]["template"])
        case "CronJob":
            return dict(thing["spec"]["jobTemplate"]["spec"]["template"])
    return None


def workloads(objects: tuple[Object, ...]) -> Iterator[tuple[Object, Object]]:
    """Each object that makes pods, with the template of its pods."""
    for thing in objects:
        if made := template(thing):
            yield thing, made


def ours(thing: Object) -> bool:
    """Return True for a part of the system; helpers of `dev` in kube-system are not."""
    return str(thing["metadata"].get("namespace", "")).startswith("robot")


def containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def labels(pod: Object) -> dict[str, str]:
    return dict(pod["metadata"]["labels"])


def selects(selector: Object, given: dict[str, str]) -> bool:
    """Return True when a label selector matches labels; an empty one matches all."""
    for name, value in selector.get("matchLabels", {}).items():
        if given.get(name) != value:
            return False
    for term in selector.get("matchExpressions", []):
        assert term["operator"] == "In", term
        if given.get(term["key"]) not in term["values"]:
            return False
    return True


def amount(quantity: str) -> float:
    """A quantity of Kubernetes as a number: CPUs or bytes."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(quantity)).groups()  # type: ignore[union-attr]
    units = {"": 1.0, "m": 1e-3, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
    return float(number) * units[unit]
