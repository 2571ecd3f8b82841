"""server-renew.sh on a recording stand-in for kubectl, minikube and docker: tools that are not here."""

from pathlib import Path

import pytest

from tests.deployment.cluster_standin import PROGRAMS
from tests.deployment.script_runs import Site

OLD = "robot-sim-backend:0.1.0"
NEW = "robot-sim-backend:0.1.1"
AGENT = "robot-sim-agent:0.1.0"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, version="0.1.0")


def untouched(site: Site, manifests: str) -> bool:
    same = site.version() == "0.1.0" and site.manifests() == manifests and site.running() == {OLD}
    return same and site.state["config"]["AGENT_IMAGE"] == AGENT


def test_the_next_version_is_built_migrated_rolled_out_and_written(site: Site) -> None:
    code, output = site.run("server-renew.sh")
    assert code == 0, output
    assert site.version() == "0.1.1"
    assert site.running() == {NEW}
    assert site.state["cronjobs"] == {"robot-backup": NEW}
    assert OLD not in site.manifests()
    assert NEW in site.manifests()
    assert site.state["config"]["DATABASE_MAY_BE_NEWER"] is None
    assert site.state["config"]["AGENT_IMAGE"] == "robot-sim-agent:0.1.1"
    assert "install.sh" not in output
    order = [
        "image build -t robot-sim-backend:0.1.1 --build-opt target=server",
        "image build -t robot-sim-agent:0.1.1 --build-opt target=agent",
        "kubectl patch configmap robot-config",
        "kubectl delete job",
        "name=robot-migrate",
        "AGENT_IMAGE",
        *(f"deployment/{n}" for n in PROGRAMS),
        "logs",
    ]
    calls = site.calls()
    places = [next(i for i, call in enumerate(calls) if text in call) for text in order]
    assert places == sorted(places)
    assert "robotsim 0.1.1 is running" in output


def test_one_whose_old_pod_ends_first_is_given_the_time_for_it(site: Site) -> None:
    assert site.run("server-renew.sh")[0] == 0
    assert "--timeout=332s" in site.calls("rollout status deployment/robot-controller")[0]
    assert "--timeout=2s" in site.calls("rollout status deployment/robot-worker")[0]


def test_links_stay_links_and_other_images_stay(site: Site) -> None:
    before = site.manifests()
    assert site.run("server-renew.sh", "--version", "2.0.0")[0] == 0
    assert site.manifests() == before.replace(
        "robot-sim-backend:0.1.0", "robot-sim-backend:2.0.0"
    ).replace("robot-sim-agent:0.1.0", "robot-sim-agent:2.0.0")
    assert (site.project / "k8s" / "server-deploy.yaml").is_symlink()


@pytest.mark.parametrize("image", ["robot-sim-backend:0.1.1", "robot-sim-agent:0.1.1"])
def test_a_failing_image_leaves_everything_as_it_was(site: Site, image: str) -> None:
    before = site.manifests()
    site.rules((f"image build -t {image}", "fail"))
    code, output = site.run("server-renew.sh")
    assert code == 1
    assert untouched(site, before)
    assert site.calls("set image") == []
    assert f"Failed in the step: image {image}" in output
    assert "The version is still 0.1.0" in output


def test_a_failing_migration_rolls_nothing_out(site: Site) -> None:
    before = site.manifests()
    site.change(job="Failed")
    code, output = site.run("server-renew.sh")
    assert code == 1
    assert untouched(site, before)
    assert site.calls("logs -n robot -l app.kubernetes.io/name=robot-migrate")
    assert len(site.calls("delete job robot-migrate")) == 2  # the old one, and the one that failed
    assert "Migrations that ran stay" in output


@pytest.mark.parametrize("program", [PROGRAMS[0], PROGRAMS[-1]])
def test_a_failing_rollout_goes_back(site: Site, program: str) -> None:
    before = site.manifests()
    site.rules((f"rollout status deployment/{program} ", "fail"))
    code, output = site.run("server-renew.sh")
    assert code == 1
    assert untouched(site, before)
    assert site.state["cronjobs"] == {"robot-backup": OLD}
    # The old code starts again on a database that the new one has migrated.
    assert site.state["config"]["DATABASE_MAY_BE_NEWER"] == "true"
    assert site.calls(f"logs -n robot -l app.kubernetes.io/name={program}")
    assert f"Failed in the step: rollout of {program}" in output


@pytest.mark.parametrize(
    "moment",
    [
        "kubectl delete job",
        "AGENT_IMAGE",
        "set image deployments/robot-stream",
        "rollout status deployment/robot-worker",
    ],
)
def test_interrupted_it_goes_back_and_the_next_run_completes(site: Site, moment: str) -> None:
    before = site.manifests()
    site.rules((moment, "stop"))
    code, output = site.run("server-renew.sh")
    assert code == 1, output
    assert untouched(site, before)
    site.rules()
    assert site.run("server-renew.sh")[0] == 0
    assert site.running() == {
        "robot-sim-backend:0.1.2"
    }  # 0.1.1 was built: the tag is not given twice


def test_missing_rights_and_a_system_that_is_not_there(site: Site) -> None:
    site.rules(("can-i patch deployment.apps", "fail"))
    code, output = site.run("server-renew.sh")
    assert code == 1
    assert "  patch deployment.apps in the namespace robot\n" in output
    assert site.calls("build") == []
    site.change(deployments={})
    code, output = site.run("server-renew.sh")
    assert code == 1
    assert "Run ./install.sh first" in output


def test_the_registry_of_the_running_image_is_used_again(site: Site) -> None:
    state = site.state
    for one in state["deployments"].values():
        one["images"] = ["registry.test/team/robot-sim-backend:0.1.0"]
    site.state = {**state, "context": "prod", "cronjobs": {}}
    site.rules(("get nodes", "fail"))
    code, output = site.run("server-renew.sh")
    assert code == 0, output
    assert site.running() == {"registry.test/team/robot-sim-backend:0.1.1"}
    agent = "registry.test/team/robot-sim-agent:0.1.1"
    assert site.state["config"]["AGENT_IMAGE"] == agent
    for image in (agent, "registry.test/team/robot-sim-backend:0.1.1"):
        assert site.calls(f"docker push {image}")


def test_an_image_of_units_of_somebodys_own_stays(site: Site) -> None:
    site.change(config={"AGENT_IMAGE": "registry.test/own-agent:7"})
    code, output = site.run("server-renew.sh")
    assert code == 0, output
    assert site.state["config"]["AGENT_IMAGE"] == "registry.test/own-agent:7"


def test_one_installed_before_units_had_an_image_gets_one_or_goes_back(site: Site) -> None:
    site.change(config={})
    site.rules(("rollout status deployment/robot-worker ", "fail"))
    assert site.run("server-renew.sh")[0] == 1
    assert site.state["config"]["AGENT_IMAGE"] is None
    site.rules()
    code, output = site.run("server-renew.sh", "--version", "0.2.0")
    assert code == 0, output
    assert site.state["config"]["AGENT_IMAGE"] == "robot-sim-agent:0.2.0"
    assert "./install.sh makes them Jobs" in output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--version"], "--version needs a value"),
        (["--version", "a/b"], "cannot be the tag of an image"),
        (["--version", "0.1.0"], "is the version that is there"),
        (["--quick"], "--help"),
    ],
)
def test_wrong_options_are_refused(site: Site, options: list[str], sentence: str) -> None:
    code, output = site.run("server-renew.sh", *options)
    assert code == 1
    assert sentence in output
    assert site.calls("set image") == []


def test_a_version_file_without_a_version_is_refused(site: Site) -> None:
    (site.project / ".version").write_text("latest\n")
    code, output = site.run("server-renew.sh")
    assert code == 1
    assert ".version holds no version such as 0.1.0; it holds: latest" in output
