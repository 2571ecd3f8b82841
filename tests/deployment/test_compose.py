"""docker-compose.yml keeps what the install guide prints, and agrees with the manifests and the settings."""

import re
from typing import Any

import yaml

from robotsim_project.environment import BASE_DIR

COMPOSE: dict[str, Any] = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "backend", "controller", "worker")


def test_names_and_ports_of_the_guide() -> None:
    names = {name: service.get("container_name") for name, service in SERVICES.items()}
    for name in ("postgres", "redis", "minio", "backend"):
        assert names[name] == f"robot-{name}"
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert {port.rpartition(":")[2] for port in ports} == {"5432", "6379", "9000", "9001", "8000"}
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_programs_start_after_the_migrations_and_those_after_the_services() -> None:
    after = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    for name in ("backend", "controller", "worker"):
        assert after[name]["migrate"] == {"condition": "service_completed_successfully"}
    for name in ("postgres", "redis", "minio"):
        assert after["migrate"][name] == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[name]


def test_every_setting_is_one() -> None:
    documented = (BASE_DIR / "docs" / "configuration.md").read_text()
    for name in OURS:
        for setting in SERVICES[name]["environment"]:
            assert f"`{setting}`" in documented


def test_images_are_pinned_and_those_of_the_manifests() -> None:
    manifests = "".join(path.read_text() for path in (BASE_DIR / "k8s" / "base").glob("*.yaml"))
    for name in ("postgres", "redis", "minio"):
        assert f"image: {SERVICES[name]['image']}\n" in manifests


def test_what_is_kept_lies_on_volumes() -> None:
    for name in ("postgres", "redis", "minio", "backend", "controller", "worker"):
        volumes = [volume.partition(":")[0] for volume in SERVICES[name]["volumes"]]
        assert set(volumes) <= set(COMPOSE["volumes"])


def test_programs_have_no_rights_to_spare() -> None:
    for name in OURS:
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_tags_of_the_dockerfile() -> None:
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+\.\d+-slim-bookworm$", dockerfile, re.M)
    assert dockerfile.rindex(" AS server\n") > dockerfile.rindex(" AS agent\n")
