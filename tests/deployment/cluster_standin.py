"""A stand-in for `kubectl`, `minikube` and `docker`, where there is no cluster and no engine.

It is no cluster: it notes every call with its standard input, keeps secrets, images and the images of
deployments in a file, and answers what the two scripts ask. What a real API server says to the manifests is
tested elsewhere.

    python -I -S cluster_standin.py FOLDER TOOL ARGUMENT...

A run of a script calls it a hundred times: it imports nothing that is not quick.

`FOLDER/rules.json` is a list of `[text, what]`: each call whose words hold the text fails (`fail`), or is
answered after the script got SIGTERM (`stop`).
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PROGRAMS = ("robot-backend", "robot-stream", "robot-controller", "robot-worker")
State = dict[str, Any]


def fresh(version: str) -> State:
    """A cluster, empty or, with a version, with the system installed."""
    image = f"robot-sim-backend:{version}"
    return {
        "context": "minikube",
        "phase": "Active",
        "overlay": "",
        "classes": "standard true\n",
        "claims": [],
        "secrets": {},
        "images": [],
        "job": "Complete",
        "config": {"BACKEND": "kubernetes", "AGENT_IMAGE": f"robot-sim-agent:{version}"}
        if version
        else {},
        "deployments": {name: {"images": [image]} for name in PROGRAMS} if version else {},
        "cronjobs": {"robot-backup": image} if version else {},
    }


def rendered(folder: Path) -> list[str]:
    """The files that a kustomization names, one after the other; patches are left out."""
    resources = (folder / "kustomization.yaml").read_text().partition("resources:\n")[2]
    parts: list[str] = []
    for line in resources.splitlines():
        if not line.startswith("  - "):
            break
        name = line.removeprefix("  - ")
        place = (folder / name).resolve()
        parts += rendered(place) if place.is_dir() else [place.read_text()]
    return parts


def secret(state: State, words: list[str]) -> str | None:
    """The answer to `get secret NAME -o FORM`; nothing when it is absent."""
    kept = state["secrets"].get(words[2])
    if kept is None:
        return None
    form = words[-1]
    if form.startswith("go-template"):
        return " ".join(kept) + " "
    if form.startswith("jsonpath={.data."):
        return str(kept.get(form.removeprefix("jsonpath={.data.").rstrip("}"), ""))
    return f"secret/{words[2]}\n"


def create(state: State, given: str) -> str | None:
    """Check that no existing object is created again."""
    name = given.partition("  name: ")[2].partition("\n")[0]
    if name in state["secrets"]:
        return None
    data = [line.strip().split(": ") for line in given.partition("\ndata:\n")[2].splitlines()]
    state["secrets"][name] = dict(data)
    return f"secret/{name} created\n"


def lines(found: dict[str, str]) -> str:
    return "".join(f"{name} {name} {image}\n" for name, image in found.items())


def deployments(state: State, words: list[str]) -> str | None:
    words = [*words[:1], *words[1].split("/", 1), *words[2:]]
    if words[1] == "deployments":
        return lines({name: d["images"][-1] for name, d in state["deployments"].items()})
    if words[2] not in state["deployments"]:
        return None
    if "strategy" in words[-1]:
        return "Recreate 330" if words[2] == "robot-controller" else "RollingUpdate 45"
    return str(len(state["deployments"][words[2]]["images"]))


def set_image(state: State, words: list[str]) -> str:
    kind, name = words[2].split("/")
    image = words[-1].partition("=")[2]
    if kind == "cronjobs":
        state["cronjobs"][name] = image
    else:
        state["deployments"][name]["images"].append(image)
    return "image updated\n"


def undo(state: State, words: list[str]) -> str:
    revisions = state["deployments"][words[2].split("/")[1]]["images"]
    revisions.append(revisions[int(words[-1].partition("=")[2]) - 1])
    return "rolled back\n"


def patch_config(state: State, words: list[str]) -> str:
    state["config"] = {**state["config"], **json.loads(words[-1])["data"]}
    return "patched\n"


CHANGES = {"set": set_image, "patch": patch_config, "rollout": undo}


def get(state: State, words: list[str]) -> str | None:  # noqa: PLR0911  a table
    match words[1]:
        case "secret":
            return secret(state, words)
        case "namespace":
            return str(state["phase"] if "phase" in words[-1] else state["overlay"])
        case "pvc":
            return "claim\n" if words[2] in state["claims"] else None
        case "storageclass":
            return str(state["classes"])
        case "job":
            return str(state["job"])
        case kind if kind.startswith("deployment"):
            return deployments(state, words)
        case "cronjobs":
            return lines(state["cronjobs"])
    return ""


def kubectl(state: State, words: list[str], given: str) -> str | None:  # noqa: PLR0911  a table
    match words[:2]:
        case ["config", _]:
            return state["context"] or None
        case ["kustomize", folder]:
            return "\n---\n".join(rendered(Path(folder)))
        case ["api-versions", *_]:
            return "\n".join(state.get("apis", "").split() or APIS)
        case ["create", _]:
            return create(state, given)
        case ["set", "image"] | ["patch", "configmap"] | ["rollout", "undo"]:
            return CHANGES[words[0]](state, words)
        case ["get", "configmap"]:
            return state["config"].get(words[-1].rpartition(".")[2].rstrip("}")) or ""
        case ["get", _]:
            return get(state, words)
    return "done\n"


def images(state: State, words: list[str]) -> str | None:
    """`minikube image ls|build` and `docker image inspect|build`."""
    if "build" in words:
        state["images"].append(words[words.index("-t") + 1])
        return "built\n"
    if "inspect" in words:
        return "there\n" if words[-1] in state["images"] else None
    return "".join(f"docker.io/library/{image}\n" for image in state["images"])


APIS = [
    "v1",
    "apps/v1",
    "batch/v1",
    "policy/v1",
    "autoscaling/v2",
    "networking.k8s.io/v1",
    "rbac.authorization.k8s.io/v1",
    "scheduling.k8s.io/v1",
    "apiregistration.k8s.io/v1",
]


def ruled(folder: Path, call: str) -> str:
    """Return the answer of the rules to a call."""
    for text, what in json.loads((folder / "rules.json").read_text()):
        if text in call:
            return str(what)
    return ""


def main(folder: Path, tool: str, words: list[str]) -> int:
    given = sys.stdin.read() if words[-1:] == ["-"] else ""
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"call": [tool, *words], "given": given}) + "\n")
    what = ruled(folder, " ".join([tool, *words]))
    if what == "fail":
        sys.stderr.write(f"{tool}: refused by the rules of the test\n")
        return 1
    if what == "stop":
        os.kill(os.getppid(), signal.SIGTERM)
    state = json.loads((folder / "state.json").read_text())
    answer = kubectl(state, words, given) if tool == "kubectl" else images(state, words)
    (folder / "state.json").write_text(json.dumps(state))
    if answer is None:
        sys.stderr.write(f"{tool}: not there, or there already\n")
        return 1
    sys.stdout.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
