"""Each command of the install guide for a cluster, on a real node."""

import re
import signal
import subprocess

import pytest

from tests.deployment import guide
from tests.deployment.cluster.conftest import until
from tests.deployment.guide_reader import Reader
from tests.support.ports import free_ports

INSTALLED = ["kubectl create namespace robot", "chmod +x install.sh", "./install.sh"]
ELSEWHERE = {
    "kubectl create": "in test_guide_faults.py, but for the namespace, which is there",
    "kubectl apply -k": "other overlays, in tests/deployment/cluster",
    "kubectl port-forward": "below",
    "kubectl top": "metrics-server is an image from elsewhere",
    "kubectl logs -n kube-system deployment/metrics-server": "as above",
    "kubectl rollout restart deployment/metrics-server": "as above",
    "kubectl describe pod <": "the name is the reader's",
    "kubectl set image": "needs an image of that name; server-renew.sh is in test_guide_faults.py",
    "kubectl apply -f k8s/metrics-server-dev.yaml": "as above",
    "kubectl get pods -n kube-system | grep metrics-server": "as above",
    "kubectl run": "its pod may end before kubectl attaches; names are looked up in test_node.py",
    "./server-renew.sh": "in test_guide_faults.py",
    "./restore.sh": "in test_guide_faults.py",
    "./install.sh --overlay production": "in tests/deployment/cluster",
    "kubectl exec -it": "below",
}
"""Commands that are not in the list, by how they begin, and why."""
COMMANDS = [
    command
    for command in dict.fromkeys(guide.commands("cluster"))
    if command not in INSTALLED and not command.startswith(tuple(ELSEWHERE))
]
FORWARDS = [
    command.removesuffix(" &")
    for command in dict.fromkeys(guide.commands("cluster"))
    if command.startswith("kubectl port-forward ")
]
CHECKS = re.findall(r"^curl \S+:8000(/\S*)(?:\s+# (\{.*\}))?", guide.ENGLISH.read_text(), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guide_works_as_printed(walked: Reader, command: str) -> None:
    if " -f deployment/" in command:
        assert first_words_of(walked, command)
    else:
        said = walked.run(command, 600)
        assert "grep" not in command or said


def first_words_of(reader: Reader, command: str) -> str:
    """Output of a command that goes on until Ctrl-C."""
    running = subprocess.Popen(
        guide.words(command),
        cwd=reader.folder,
        env=reader.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        return running.stdout.readline()
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)


@pytest.mark.parametrize("command", dict.fromkeys(FORWARDS))
def test_a_service_is_reached_by_its_forwarded_port(walked: Reader, command: str) -> None:
    (port,) = free_ports(1)
    here = re.sub(r" \d+:", f" {port}:", command)
    said = first_words_of(walked, here)
    assert said.startswith(f"Forwarding from 127.0.0.1:{port}"), said


def test_the_checks_of_the_guide_answer_as_printed(walked: Reader) -> None:
    # The port of the service by its name, as the reader's own port replaces each 8000.
    with walked.started("kubectl port-forward svc/robot-backend-service 8000:http -n robot"):
        until(walked.serves)
        assert len(CHECKS) >= 6
        for path, answer in CHECKS:
            said = walked.run(f"curl --fail --silent --show-error http://127.0.0.1:8000{path}")
            assert not answer or said == answer, path


def test_an_admin_signs_in_to_the_console(walked: Reader, password: str) -> None:
    address = walked.run("minikube service robot-backend-service -n robot").strip()
    jar = walked.folder / "cookies"
    curl = f"curl --silent --show-error --cookie-jar {jar} --cookie {jar}"
    page = walked.run(f"{curl} {address}/admin/login/")
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
    form = f"-d csrfmiddlewaretoken={token} -d username=you@example.com"
    form += f" --data-urlencode 'password={password}'"
    walked.run(f"{curl} --fail {form} {address}/admin/login/")
    assert "you@example.com" in walked.run(f"{curl} --fail {address}/admin/")
