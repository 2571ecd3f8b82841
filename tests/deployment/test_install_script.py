"""install.sh on a recording stand-in for kubectl and minikube, which are outside tools that are not here.

The manifests that it applies are judged by the linters and, where there is one, by a real API server.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deployment.cluster_standin import PROGRAMS
from tests.deployment.script_runs import Site

SECRETS = {
    "postgres-secret",
    "redis-secret",
    "minio-secret",
    "robot-backend-secret",
    "robot-backup-secret",
}
MUTATING = re.compile(r"^(kubectl (apply|create|delete|set|rollout undo)|minikube .* build)")


@dataclass(frozen=True)
class Run:
    code: int
    output: str
    calls: list[str]
    given: str
    secrets: dict[str, dict[str, str]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """Two runs, one after the other, on one cluster."""
    site = Site(tmp_path_factory.mktemp("twice"))
    return one_run(site), one_run(site)


def one_run(site: Site) -> Run:
    site.forget_calls()
    code, output = site.run("install.sh")
    return Run(code, output, site.calls(), site.given(), site.secrets())


def changes(site: Site) -> list[str]:
    return [call for call in site.calls() if MUTATING.match(call)]


def hidden(secrets: dict[str, dict[str, str]]) -> list[str]:
    """Everything that is to stay unknown."""
    known = {
        "POSTGRES_USER",
        "POSTGRES_DB",
        "MINIO_ROOT_USER",
        "MINIO_ACCESS_KEY",
        "BACKUP_ACCESS_KEY",
    }
    return [v for data in secrets.values() for key, v in data.items() if key not in known]


def test_installs_in_the_order_of_the_guide_and_says_how_to_go_on(twice: tuple[Run, Run]) -> None:
    first, _ = twice
    assert first.code == 0, first.output
    order = [
        "apply -f k8s/base/namespaces.yaml",
        "create -f -",
        "image build",
        "in (postgres,",
        "in (minio,",
        "in (redis,",
        "apply -f k8s/metrics-server-dev.yaml",
        "!app.kubernetes.io/name",
        "kubectl delete job robot-migrate",
        "name=robot-migrate",
        *(f"in ({name}," for name in PROGRAMS),
        "name!=robot-migrate",
        "manage.py check_services",
    ]
    places = [next(i for i, call in enumerate(first.calls) if text in call) for text in order]
    assert places == sorted(places)
    assert "port-forward svc/robot-backend-service 8000:8000 -n robot" in first.output
    assert "manage.py ensure_admin you@example.com" in first.output


def test_secrets_fit_together_and_are_shown_nowhere(twice: tuple[Run, Run]) -> None:
    first, _ = twice
    secrets = first.secrets
    assert secrets.keys() == SECRETS
    backend = secrets["robot-backend-secret"]
    password = secrets["postgres-secret"]["POSTGRES_PASSWORD"]
    redis = secrets["redis-secret"]["REDIS_PASSWORD"]
    assert (
        backend["DATABASE_URL"] == f"postgresql://postgres:{password}@postgres-service:5432/robotdb"
    )
    assert backend["REDIS_URL"] == f"redis://:{redis}@redis-service:6379/0"
    assert backend["MINIO_SECRET_KEY"] == secrets["minio-secret"]["MINIO_ROOT_PASSWORD"]
    assert len(backend["SECRET_KEY"]) >= 64
    assert len(set(hidden(secrets))) == 7  # the storage's password serves three times
    for value in hidden(secrets):
        assert value not in first.output
        assert value not in "\n".join(first.calls)


def test_a_second_run_keeps_every_secret_and_builds_nothing(twice: tuple[Run, Run]) -> None:
    first, second = twice
    assert second.code == 0, second.output
    assert second.secrets == first.secrets
    assert second.given == ""
    assert [call for call in second.calls if "image build" in call] == []
    assert second.output.count("is there; kept") == len(SECRETS)
    for value in hidden(second.secrets):
        assert value not in second.output
        assert value not in "\n".join(second.calls)


def test_the_trace_of_bash_shows_no_secret(site: Site) -> None:
    code, output = site.run("-x", "install.sh", "--secrets")
    assert code == 0, output
    assert all(value not in output for value in hidden(site.secrets()))


@pytest.mark.parametrize("moment", ["in (minio,", "get secret minio-secret"])
def test_interrupted_it_says_where_and_the_next_run_completes(site: Site, moment: str) -> None:
    site.rules((moment, "stop"))
    code, output = site.run("install.sh")
    assert code == 130, output
    assert "Interrupted in the step" in output
    assert "install.sh goes on from there" in output
    kept = site.secrets()
    site.rules()
    code, output = site.run("install.sh")
    assert code == 0, output
    assert site.secrets().keys() == SECRETS
    assert kept.items() <= site.secrets().items()


def test_an_existing_secret_with_odd_characters_is_used_as_it_is(site: Site) -> None:
    site.change(
        secrets={
            "postgres-secret": {
                "POSTGRES_USER": "cm9ib3Q=",  # robot
                "POSTGRES_PASSWORD": "YS9iOmNAIMOp",  # a/b:c@ é
                "POSTGRES_DB": "cm9ib3RkYg==",  # robotdb
            }
        }
    )
    code, output = site.run("install.sh", "--secrets")
    assert code == 0, output
    url = site.secrets()["robot-backend-secret"]["DATABASE_URL"]
    assert url == "postgresql://robot:a%2Fb%3Ac%40%20%C3%A9@postgres-service:5432/robotdb"
    assert "a/b:c@" not in output


def test_an_existing_secret_that_lacks_a_value_is_named_and_left(site: Site) -> None:
    site.change(secrets={"redis-secret": {"PASSWORD": "eA=="}})
    code, output = site.run("install.sh")
    assert code == 1
    assert "The secret redis-secret is there, but it has no value for: REDIS_PASSWORD" in output
    assert "kubectl edit secret redis-secret -n robot" in output
    assert site.secrets()["redis-secret"] == {"PASSWORD": "x"}


def test_no_new_password_for_a_database_that_is_there(site: Site) -> None:
    site.change(claims=["postgres-data"])
    code, output = site.run("install.sh")
    assert code == 1
    assert "a database in it would keep" in output
    assert site.secrets() == {}


def test_secrets_alone(site: Site) -> None:
    code, output = site.run("install.sh", "--secrets")
    assert code == 0, output
    assert site.secrets().keys() == SECRETS
    assert site.calls("kubectl apply") == ["kubectl apply -f k8s/base/namespaces.yaml"]


@pytest.mark.parametrize("cluster", ["minikube", ""])
def test_a_dry_run_changes_nothing_and_needs_no_cluster(site: Site, cluster: str) -> None:
    site.change(context=cluster)
    site.rules(("get --raw", "fail"))
    code, output = site.run("install.sh", "--dry-run", "--overlay", "dev")
    assert code == 0, output
    assert changes(site) == []
    assert "Deployment robot-backend (robot)" in output
    assert "PersistentVolume robot-postgres" in output


def test_missing_rights_are_listed_before_anything_is_changed(site: Site) -> None:
    site.rules(
        ("can-i create secret", "fail"),
        ("can-i create statefulset.apps -n robot ", "fail"),
        ("can-i create persistentvolume ", "fail"),
    )
    code, output = site.run("install.sh")
    assert code == 1
    assert changes(site) == []
    assert "  create secret in the namespace robot\n" in output
    assert "  create statefulset.apps in the namespace robot\n" in output
    assert "  create persistentvolume\n" in output


@pytest.mark.parametrize(
    ("state", "rules", "sentence"),
    [
        ({"context": ""}, (), "kubectl knows no cluster"),
        ({}, (("get --raw", "fail"),), "The cluster of the context minikube does not answer"),
        ({"phase": "Terminating"}, (), "the namespace robot is being deleted"),
        ({"classes": "standard \n"}, (), "the cluster has no default StorageClass"),
        ({"apis": "v1 apps/v1"}, (), "CronJob (batch/v1)"),
        ({"context": "prod"}, (), "takes its images from a registry"),
    ],
)
def test_what_is_missing_is_said_and_nothing_changed(
    site: Site, state: dict[str, str], rules: tuple[tuple[str, str], ...], sentence: str
) -> None:
    site.change(**state)
    site.rules(*rules, ("get nodes", "fail"))
    code, output = site.run("install.sh", "--overlay", "dev")
    assert code == 1
    assert sentence in output
    assert changes(site) == []


def test_a_storage_class_that_is_not_there_is_named(site: Site) -> None:
    manifest = site.project / "k8s" / "base" / "postgres-deploy.yaml"
    text = manifest.read_text()
    manifest.write_text(
        text.replace("  accessModes:", "  storageClassName: quick\n  accessModes:", 1)
    )
    code, output = site.run("install.sh")
    assert code == 1
    assert "the cluster has no StorageClass quick, which the overlay dev names" in output
    assert changes(site) == []


def test_a_cluster_keeps_the_overlay_that_it_was_installed_with(site: Site) -> None:
    assert site.run("install.sh")[0] == 0
    assert site.calls("annotate namespace robot robotsim/overlay=dev")
    site.change(overlay="production", context="some-cluster")
    code, output = site.run("install.sh", "--no-build")
    assert code == 1
    assert "these names of the overlay production are still examples" in output
    site.forget_calls()
    code, output = site.run("install.sh", "--no-build", "--overlay", "none")
    assert code == 1
    assert "was installed with the overlay production" in output
    assert changes(site) == []


def test_without_the_right_to_change_what_is_there(site: Site) -> None:
    site.rules(("can-i patch networkpolicy.networking.k8s.io -n robot ", "fail"))
    code, output = site.run("install.sh")
    assert code == 1
    assert "  patch networkpolicy.networking.k8s.io in the namespace robot\n" in output
    assert changes(site) == []


def test_without_kubectl(site: Site) -> None:
    (site.tools / "kubectl").unlink()
    code, output = site.run("install.sh")
    assert code == 1
    assert output.startswith("kubectl is not on PATH. Install it: https://")


@pytest.mark.parametrize("options", [["--overlay", "prod"], ["--overlay"], ["--quick"]])
def test_wrong_options_are_refused(site: Site, options: list[str]) -> None:
    code, output = site.run("install.sh", *options)
    assert code == 1
    assert "overlay" in output or "--help" in output
    assert site.calls() == []


def test_production_with_the_names_of_the_example_is_refused(site: Site) -> None:
    code, output = site.run("install.sh", "--overlay", "production", "--no-build")
    assert code == 1
    assert "robot.example.com" in output
    assert changes(site) == []


def test_a_part_that_does_not_get_ready_shows_why_and_ends_the_run(site: Site) -> None:
    site.rules(("rollout status deployment/minio", "fail"))
    code, output = site.run("install.sh")
    assert code == 1
    assert "deployment/minio was not ready within 2 s" in output
    assert site.calls("get events -n robot")
    assert site.calls("logs -n robot -l app.kubernetes.io/name=minio")
    assert site.calls("in (redis,") == []


def test_a_failed_migration_ends_the_run(site: Site) -> None:
    site.change(job="Failed")
    code, output = site.run("install.sh")
    assert code == 1
    assert "The migration did not succeed" in output
    assert site.calls("in (robot-backend,") == []


def test_a_service_that_does_not_answer_ends_the_run(site: Site) -> None:
    site.rules(("check_services", "fail"))
    code, output = site.run("install.sh")
    assert code == 1
    assert "Not each service answers" in output


def test_images_come_from_the_registry_that_is_named(site: Site) -> None:
    site.change(context="prod")
    site.rules(("get nodes", "fail"))
    code, output = site.run("install.sh", REGISTRY="registry.test/team")
    assert code == 0, output
    for image in ("robot-sim-backend:0.1.0", "robot-sim-agent:0.1.0"):
        assert site.calls(f"docker push registry.test/team/{image}")
        assert f"the cluster takes registry.test/team/{image}" in output
