"""The `cluster` blocks of the install guide, and its commands in the text, name what the manifests make."""

import re
import shutil
import stat
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from robotsim_project.environment import BASE_DIR
from tests.deployment import guide, manifests
from tests.deployment.manifests import GUIDE, K8S

OBJECTS = manifests.rendered("dev")
KINDS = {
    "svc": "Service",
    "services": "Service",
    "deployment": "Deployment",
    "cronjob": "CronJob",
    "apiservice": "APIService",
    "namespace": "Namespace",
    "secret": "Secret",
}
"""Resource types by kubectl's short names; a name with a value is looked up without it."""
LISTS = {"pods", "svc", "pv", "pvc", "storageclass", "endpoints", "nodes"}
MADE = {
    "secret": {
        *("postgres-secret", "redis-secret", "minio-secret"),
        *("robot-backend-secret", "robot-backup-secret"),
    }
}
"""Objects created by install.sh instead of the manifests."""
COMMANDS = sorted(
    {
        *guide.commands("cluster"),
        *(span for span in guide.spans() if span.startswith(("kubectl ", "./"))),
    }
)
KUBECTL = [each for each in COMMANDS if each.startswith("kubectl ")]
SCRIPTS = [each for each in COMMANDS if each.startswith("./")]


def names(kind: str) -> set[str]:
    return {thing["metadata"]["name"] for thing in manifests.of_kind(OBJECTS, KINDS[kind])}


def named(words: list[str]) -> list[tuple[str, str]]:
    """Objects that a command names, as kind and name: `svc/NAME`, or `secret NAME` behind `get`."""
    before = words[: words.index("--")] if "--" in words else words
    found = [tuple(word.split("/", 1)) for word in before if re.match(r"(\w+)/[\w-]+$", word)]
    kinds = [tuple(pair) for pair in pairwise(before) if pair[0] in KINDS]
    return [
        (kind, name)
        for kind, name in [*found, *kinds]
        if kind in KINDS and not name.startswith("-")
    ]


@pytest.mark.parametrize("command", KUBECTL)
def test_what_a_command_names_is_made(command: str) -> None:
    words = guide.words(command)
    for kind, name in named(words):
        if words[1:3] != ["create", "namespace"]:
            assert name in MADE.get(kind, set()) | names(kind), f"{kind} {name}"
    place = guide.option(words, "-n", "--namespace")
    assert place in {None, "kube-system", *names("namespace")}
    if words[1] == "apply":
        assert (BASE_DIR / words[3]).exists(), words[3]
    for source in re.findall(r"--from=cronjob/(\S+)", command):
        assert source in names("cronjob")


@pytest.mark.parametrize("command", [each for each in KUBECTL if each.startswith("kubectl get ")])
def test_what_is_listed_can_be_listed(command: str) -> None:
    kind = guide.words(command)[2]
    assert kind in LISTS | set(KINDS), command


@pytest.mark.parametrize("command", [each for each in KUBECTL if " | grep " in each])
def test_what_is_looked_for_is_found(command: str) -> None:
    words, sought = guide.words(command), command.rpartition(" ")[2]
    place = guide.option(words, "-n")
    kinds = ["Service"] if words[2] == "svc" else ["Deployment", "StatefulSet"]
    found = [
        thing
        for thing in manifests.of_kind(OBJECTS, *kinds)
        if thing["metadata"]["namespace"] == place and sought in thing["metadata"]["name"]
    ]
    assert found, command


@pytest.mark.parametrize("command", [each for each in KUBECTL if " port-forward " in each])
def test_ports_are_ports_of_the_service(command: str) -> None:
    words = guide.words(command)
    (_kind, name), port = named(words)[0], words[3].rpartition(":")[2]
    service = manifests.one(OBJECTS, "Service", name)
    assert int(port) in {each["port"] for each in service["spec"]["ports"]}


@pytest.mark.parametrize("command", [each for each in KUBECTL if " exec " in each])
def test_what_is_run_in_a_container_is_a_command(command: str) -> None:
    words = guide.words(command)
    (name,) = [after for word, after in pairwise(words) if word == "manage.py"]
    assert list(BASE_DIR.glob(f"*/management/commands/{name}.py")), name


def test_the_image_that_is_set_by_hand_is_that_of_the_container() -> None:
    (command,) = [each for each in KUBECTL if " set image " in each]
    words = guide.words(command)
    container, image = words[4].split("=")
    deployment = manifests.one(OBJECTS, "Deployment", named(words)[0][1])
    images = {each["name"]: each["image"] for each in manifests.containers(template(deployment))}
    assert images[container].partition(":")[0] == image.partition(":")[0]


def template(thing: dict[str, Any]) -> dict[str, Any]:
    return dict(thing["spec"]["template"])


def test_secrets_and_their_keys_are_those_of_the_manifests() -> None:
    example = {
        thing["metadata"]["name"]: set(thing["stringData"])
        for thing in manifests.in_file("secrets.example.yaml")
    }
    rows = re.findall(r"^\| `([\w-]+-secret)` \| (.+) \|$", guide.prose(), re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", keys)) for name, keys in rows} == example
    assert set(example) == MADE["secret"]
    for command in COMMANDS:
        for name, key in re.findall(r"secret ([\w-]+) .*\{\.data\.(\w+)\}", command):
            assert key in example[name]


def test_files_are_applied_in_the_guides_order() -> None:
    printed = [guide.option(guide.words(each), "-f") for each in guide.commands("cluster")]
    applied = [name.removeprefix("k8s/") for name in printed if name and name.startswith("k8s/")]
    assert applied == list(GUIDE)
    assert all((K8S / name).exists() for name in applied)


@pytest.mark.parametrize("command", SCRIPTS)
def test_scripts_can_be_run_and_know_their_options(command: str) -> None:
    script, *options = guide.words(command)
    assert (BASE_DIR / script).stat().st_mode & stat.S_IXUSR
    done = subprocess.run([BASE_DIR / script, "--help"], capture_output=True, text=True, check=True)
    for option in options:
        assert option in re.split(r"[\s|\[\]]+", done.stdout), option


def test_options_in_the_text_are_those_of_install_sh() -> None:
    done = subprocess.run(
        [BASE_DIR / "install.sh", "--help"], capture_output=True, text=True, check=True
    )
    known = set(re.split(r"[\s|\[\]]+", done.stdout))
    for name in ("--no-build", "--dry-run", "--help", "REGISTRY"):
        assert name in known
    assert "--overlay dev|production|none" in guide.spans()
    assert "[--overlay dev|production|none]" in done.stdout


def test_components_are_chosen_as_the_guide_says(tmp_path: Path) -> None:
    shutil.copytree(K8S, tmp_path / "k8s", symlinks=True)
    file = tmp_path / "k8s" / "overlays" / "production" / "kustomization.yaml"
    text = file.read_text().replace("components: []", "components:")
    file.write_text(re.sub(r"^#(  - \.\./\.\./components/)", r"\1", text, flags=re.MULTILINE))
    made = manifests.parsed(manifests.kubectl("kustomize", file.parent))
    assert {"Certificate", "ServiceMonitor", "ClusterQueue"} <= {each["kind"] for each in made}


def test_metrics_server_is_told_what_the_guide_says() -> None:
    (pod,) = manifests.of_kind(manifests.in_file("metrics-server-dev.yaml"), "Deployment")
    flags = manifests.containers(template(pod))[0]["args"]
    assert {"--kubelet-insecure-tls", "--metric-resolution=15s"} <= set(flags)


def test_an_image_that_is_there_is_used() -> None:
    for _thing, pod in manifests.workloads(OBJECTS):
        for container in manifests.containers(pod):
            assert container["imagePullPolicy"] == "IfNotPresent"


def test_the_service_is_one_that_minikube_opens() -> None:
    (command,) = [each for each in COMMANDS if each.startswith("minikube ")]
    service = manifests.one(OBJECTS, "Service", command.split()[2])
    assert service["spec"]["type"] == "NodePort"
