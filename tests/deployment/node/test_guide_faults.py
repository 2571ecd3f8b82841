"""Changes and faults of the guide, on a real node with the system installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.cluster.conftest import until
from tests.deployment.guide_reader import Reader
from tests.deployment.node.real_cluster import RealCluster
from tests.deployment.node.walk import INSTALLING_SECONDS

PROGRAMS = ("robot-backend", "robot-stream", "robot-controller", "robot-worker")
EMAILS = "select email from accounts_user order by email"


def psql(reader: Reader, query: str) -> str:
    client = "psql -U postgres -d robotdb -qtA"
    return reader.run(f'kubectl exec deployment/postgres -n robot -- {client} -c "{query}"')


@pytest.fixture
def emails(walked: Reader, password: str) -> str:
    """Users that are in the database, at least one."""
    found = psql(walked, EMAILS)
    assert "you@example.com" in found
    return found


@pytest.fixture
def broken(walked: Reader) -> Iterator[Path]:
    """Code that migrates and does not serve."""
    path = walked.folder / "robotsim_project" / "wsgi.py"
    before = path.read_text()
    path.write_text("raise SystemExit('it does not start')\n")
    yield path
    path.write_text(before)


def images(cluster: RealCluster) -> set[str]:
    names = [f"deployment/{name}" for name in PROGRAMS]
    found = cluster.get(*names, "-n", "robot")["items"]
    return {each["spec"]["template"]["spec"]["containers"][0]["image"] for each in found}


def rolled_out(cluster: RealCluster, *names: str) -> None:
    for name in names:
        words = ("rollout", "status", f"deployment/{name}", "-n", "robot")
        until(
            lambda words=words: (
                cluster.kubectl(*words, "--timeout=100s", check=False).returncode == 0
            ),
            600,
        )


def test_a_renewal_runs_the_next_version(cluster: RealCluster, walked: Reader) -> None:
    (before,) = images(cluster)
    walked.run("chmod +x server-renew.sh && ./server-renew.sh", INSTALLING_SECONDS)
    version = (walked.folder / ".version").read_text().strip()
    assert images(cluster) == {f"robot-sim-backend:{version}"} != {before}
    said = walked.run(
        "kubectl exec deployment/robot-backend -n robot -- python manage.py check_services"
    )
    assert "migrations  ok" in said


def test_a_version_that_does_not_start_is_rolled_back(
    cluster: RealCluster, walked: Reader, broken: Path
) -> None:
    before = images(cluster)
    said = walked.run("! WAIT_SECONDS=60 ./server-renew.sh 2>&1", INSTALLING_SECONDS)
    assert "Failed in the step: rollout of robot-backend" in said, said[-4000:]
    assert images(cluster) == before
    rolled_out(cluster, *PROGRAMS)


def test_the_database_survives_its_pod(cluster: RealCluster, walked: Reader, emails: str) -> None:
    cluster.kubectl("delete", "pod", "-n", "robot", "-l", "app.kubernetes.io/name=postgres")
    rolled_out(cluster, "postgres")
    assert psql(walked, EMAILS) == emails


def test_pods_outlive_their_kubelet(cluster: RealCluster, walked: Reader) -> None:
    def containers() -> set[str]:
        pods = cluster.get("pods", "-n", "robot", "-l", "app.kubernetes.io/name=redis")["items"]
        return {each["containerID"] for pod in pods for each in pod["status"]["containerStatuses"]}

    def answers() -> bool:
        words = ("exec", "deployment/postgres", "-n", "robot", "--", "true")
        return cluster.kubectl(*words, check=False).returncode == 0

    before = containers()
    cluster.node.kill_kubelet()
    cluster.node.start_kubelet()
    rolled_out(cluster, *PROGRAMS)
    until(answers, 120)  # the node still counts as Ready; a kubelet knows its pods a moment later
    assert containers() == before
    psql(walked, EMAILS)


def test_a_backup_made_by_hand_is_restored(
    cluster: RealCluster, walked: Reader, emails: str
) -> None:
    walked.run("kubectl create job backup-now --from=cronjob/robot-backup -n robot")
    done = "kubectl wait --for=condition=Complete job/backup-now -n robot --timeout=900s"
    walked.run(done, 1000)
    psql(walked, "update accounts_user set email = 'lost' || id")
    walked.run("./restore.sh --list", 600)
    walked.run("./restore.sh --dry-run", 600)
    walked.run("./restore.sh --replace --yes", INSTALLING_SECONDS)
    rolled_out(cluster, *PROGRAMS)
    assert psql(walked, EMAILS) == emails
    walked.run("kubectl delete job backup-now -n robot")
