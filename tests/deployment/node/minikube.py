"""A stand-in for minikube's command: images are built by buildah and loaded into the node of the tests.

It knows what the scripts and the guide call: `image build`, `image ls` and `service`. MINIKUBE_ENTER is how a
command gets into the node's machine, MINIKUBE_ADDRESS the node's address.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

from tests.deployment.node import images
from tests.deployment.node.machine import run


def in_node(*words: str | Path) -> str:
    return run([*shlex.split(os.environ["MINIKUBE_ENTER"]), *words])


def build(name: str, options: list[str]) -> None:
    """Build an image of this folder and load it."""
    given = dict(option.split("=", 1) for option in options)
    key, _, value = given.get("build-arg", "VERSION=dev").partition("=")
    full = name if "/" in name else f"docker.io/library/{name}"
    base = {"PYTHON_IMAGE": images.BASE, key: value}
    images.build(full, Path.cwd(), target=given.get("target", ""), **base)
    with tempfile.TemporaryDirectory(dir=images.folder(), prefix="building-") as folder:
        archive = images.write_archive(full, Path(folder) / "image.tar")
        in_node("ctr", "-n", "k8s.io", "images", "import", archive)


def url(service: str, namespace: str) -> str:
    """Return where a service of type NodePort is reached."""
    found = run(["kubectl", "get", "service", service, "-n", namespace, "-o", "json"])
    port = json.loads(found)["spec"]["ports"][0]["nodePort"]
    return f"http://{os.environ['MINIKUBE_ADDRESS']}:{port}"


def main() -> None:
    """Do what minikube would."""
    parser = argparse.ArgumentParser(prog="minikube")
    parser.add_argument("-p", dest="profile")
    commands = parser.add_subparsers(dest="command", required=True)
    kinds = commands.add_parser("image").add_subparsers(dest="kind", required=True)
    kinds.add_parser("ls")
    building = kinds.add_parser("build")
    building.add_argument("-t", dest="name", required=True)
    building.add_argument("--build-opt", dest="options", action="append", default=[])
    building.add_argument("folder", choices=["."])
    service = commands.add_parser("service")
    service.add_argument("name")
    service.add_argument("-n", dest="namespace", default="default")
    given = parser.parse_args()
    if given.command == "service":
        sys.stdout.write(f"{url(given.name, given.namespace)}\n")
    elif given.kind == "ls":
        sys.stdout.write(in_node("ctr", "-n", "k8s.io", "images", "ls", "-q"))
    else:
        build(given.name, given.options)


if __name__ == "__main__":
    main()
