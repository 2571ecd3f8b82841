"""The environment in the manifests has existing settings only, and secrets only by reference."""

import re
import subprocess

import pytest

from robotsim_project.environment import BASE_DIR
from tests.deployment.manifests import (
    K8S,
    SETS,
    Object,
    containers,
    in_file,
    of_kind,
    one,
    parsed,
    rendered,
    workloads,
)

PAGE = (BASE_DIR / "docs" / "configuration.md").read_text(encoding="utf-8")
SETTINGS = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
GUIDE = {
    *("DATABASE_URL", "REDIS_URL", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"),
    *("MINIO_BUCKET", "MINIO_USE_SSL", "API_STR", "SECRET_KEY", "ALGORITHM"),
    "ACCESS_TOKEN_EXPIRE_MINUTES",
}
"""The settings of the install guide."""
EXPANDED = {"POD_IP", "HOST_IP"}
"""Read by no program: part of another value."""
COMMANDS = {
    "robot-backend": [
        "gunicorn",
        "--config",
        "python:robotsim_project.gunicorn.web",
        "robotsim_project.wsgi:application",
    ],
    "robot-stream": [
        "gunicorn",
        "--config",
        "python:robotsim_project.gunicorn.stream",
        "robotsim_project.asgi:application",
    ],
    "robot-controller": ["python", "manage.py", "run_controller"],
    "robot-worker": ["python", "manage.py", "run_worker"],
    "robot-migrate": ["python", "manage.py", "migrate"],
    "robot-backup": ["python", "manage.py", "backup"],
    "robot-prune": ["python", "manage.py", "prune"],
}
SECRETS = {
    "postgres": {"postgres-secret"},
    "redis": {"redis-secret"},
    "minio": {"minio-secret"},
    **{name: {"robot-backend-secret"} for name in COMMANDS},
    "robot-backup": {"robot-backend-secret", "robot-backup-secret"},
}


def secrets() -> dict[str, dict[str, str]]:
    return {
        thing["metadata"]["name"]: thing["stringData"] for thing in in_file("secrets.example.yaml")
    }


def sources(container: Object, kind: str) -> set[str]:
    """Names of the config maps or secrets that a container reads."""
    found = {
        each[kind + "Ref"]["name"] for each in container.get("envFrom", []) if kind + "Ref" in each
    }
    for each in container.get("env", []):
        if reference := each.get("valueFrom", {}).get(kind + "KeyRef"):
            found.add(reference["name"])
    return found


@pytest.mark.parametrize("name", SETS)
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    given = set(one(rendered(name), "ConfigMap", "robot-config")["data"])
    given |= set(secrets()["robot-backend-secret"]) | set(secrets()["robot-backup-secret"])
    for _, made in workloads(rendered(name)):
        for each in containers(made):
            if "robot-sim-backend" in each["image"]:
                given |= {entry["name"] for entry in each.get("env", [])}
    assert given - EXPANDED <= SETTINGS
    assert given >= GUIDE


@pytest.mark.parametrize("name", SETS)
def test_addresses_that_units_get_hold_in_their_namespace(name: str) -> None:
    settings = one(rendered(name), "ConfigMap", "robot-config")["data"]
    for address in (settings["SERVER_URL"], settings["MINIO_ENDPOINT"]):
        service, _, namespace = address.removeprefix("http://").partition(":")[0].partition(".")
        assert one(rendered(name), "Service", service)["metadata"]["namespace"] == namespace


@pytest.mark.parametrize("name", SETS)
def test_each_program_is_started_as_it_should_and_gets_its_own_secrets_only(name: str) -> None:
    found = {}
    for _, made in workloads(rendered(name)):
        for each in containers(made):
            if each["name"] in SECRETS:
                assert sources(each, "secret") == SECRETS[each["name"]], each["name"]
            if "robot-sim-backend" in each["image"]:
                found[each["name"]] = each["command"]
                assert sources(each, "configMap") == {"robot-config"}
    assert found == COMMANDS


@pytest.mark.parametrize("name", SETS)
def test_no_set_holds_a_secret(name: str) -> None:
    assert not of_kind(rendered(name), "Secret")
    for thing in of_kind(rendered(name), "ConfigMap"):
        assert not set(thing["data"]) & {key for values in secrets().values() for key in values}


def test_no_file_of_the_project_holds_a_secret_with_values() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.yaml", "*.yml"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    files = [BASE_DIR / line for line in listed.stdout.splitlines()] or list(K8S.rglob("*.yaml"))
    for path in files:
        if path.name == "secrets.example.yaml" or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        if re.search(r"^kind: Secret$", text, re.MULTILINE):
            assert not of_kind(parsed(text), "Secret"), path


def test_the_example_holds_what_is_referred_to_and_only_what_is_refused() -> None:
    assert set(secrets()) == {name for names in SECRETS.values() for name in names}
    defaults = {"POSTGRES_USER": "postgres", "POSTGRES_DB": "robotdb"}
    for values in secrets().values():
        for key, value in values.items():
            assert value in ({defaults[key]} if key in defaults else {"CHANGE-ME", "CHANGE", ""}), (
                key
            )


def test_redis_has_its_password_by_a_file() -> None:
    (each,) = one(rendered("k8s"), "StatefulSet", "redis")["spec"]["template"]["spec"]["containers"]
    assert 'requirepass "%s"' in each["command"][-1]
    assert "--requirepass" not in str(each)
    config = one(rendered("k8s"), "ConfigMap", "redis-config")["data"]["redis.conf"]
    assert "appendonly yes" in config
    assert "maxmemory-policy noeviction" in config
