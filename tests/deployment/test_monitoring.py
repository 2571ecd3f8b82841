"""Alerts, dashboard and page name only existing metrics, and all of robotsim's metrics."""

import json
import re
from typing import Any

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from robotsim_project.environment import BASE_DIR
from robotsim_project.telemetry import statistics
from robotsim_project.telemetry.collector import FAMILIES

FOLDER = BASE_DIR / "k8s" / "components" / "monitoring"
PAGE = (BASE_DIR / "docs" / "observing.md").read_text(encoding="utf-8")
METRIC = re.compile(r"\b((?:robotsim|django)_[a-z0-9_]+)\b")
ROW = re.compile(r"^\| `(robotsim_[a-z0-9_]+)` \|([^|]*)\|([^|]*)\| [^|]+ \|$", re.MULTILINE)
OF_PROCESSES = {"robotsim_heartbeats_total": {"status"}}
"""Counted by the servers themselves, not by the collector."""


def rules() -> list[dict[str, Any]]:
    (rule,) = yaml.safe_load_all((FOLDER / "prometheus-rules.yaml").read_text())
    return [each for group in rule["spec"]["groups"] for each in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    return found


def expressions() -> list[str]:
    targets = [target for panel in dashboard()["panels"] for target in panel["targets"]]
    return [target["expr"] for target in targets] + [rule["expr"] for rule in rules()]


def names_of_ours() -> set[str]:
    """Each family by the name of its samples."""
    return {f.name + ("_info" if f.kind == "info" else "") for f in FAMILIES} | set(OF_PROCESSES)


def exposed() -> set[str]:
    """Names that /metrics really tells, or would tell once something has been counted."""
    text = Client().get("/metrics").content.decode()
    families = list(text_string_to_metric_families(text))
    names = {sample.name for family in families for sample in family.samples}
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return names | {
        family.name + suffix for family in families for suffix in suffixes.get(family.type, ("",))
    }


@pytest.mark.django_db
def test_alerts_and_dashboard_ask_for_metrics_that_exist(empty_redis: None) -> None:
    statistics._cache.clear()
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert asked - exposed() - names_of_ours() == set()
    statistics._cache.clear()


def test_the_dashboard_shows_every_metric_of_ours() -> None:
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert names_of_ours() - asked == set()


@pytest.mark.parametrize("name", [family.name for family in FAMILIES])
def test_names_keep_the_conventions_of_prometheus(name: str) -> None:
    assert re.fullmatch(r"robotsim(_[a-z0-9]+)+", name)
    assert not re.search(r"_(ms|us|milliseconds|microseconds|kb|mb|total|info)$", name)


def test_labels_in_expressions_exist() -> None:
    labels = {f.name: set(f.labels) for f in FAMILIES} | OF_PROCESSES
    labels["robotsim_build_info"] = {"version"}
    for expression in expressions():
        for name, chosen in re.findall(r"(robotsim_[a-z0-9_]+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", chosen)) <= labels[name], expression


def test_each_alert_says_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert len(rule["annotations"]["summary"]) > 20
        assert len(rule["annotations"]["description"]) > 60


def test_the_page_has_every_metric_with_its_labels() -> None:
    documented = {
        name: set(re.findall(r"`(\w+)`", labels)) for name, _unit, labels in ROW.findall(PAGE)
    }
    ours = {f.name + ("_info" if f.kind == "info" else ""): set(f.labels) for f in FAMILIES}
    assert documented == ours | OF_PROCESSES


def test_the_page_has_every_alert() -> None:
    assert set(re.findall(r"^\| `(Robotsim\w+)`", PAGE, re.MULTILINE)) == {
        rule["alert"] for rule in rules()
    }


def test_servers_are_read_with_the_token() -> None:
    found = list(yaml.safe_load_all((FOLDER / "service-monitor.yaml").read_text()))
    assert [each["metadata"]["name"] for each in found] == ["robot-backend", "robot-stream"]
    for each in found:
        labels = each["spec"]["selector"]["matchLabels"]
        assert labels["app.kubernetes.io/name"] == each["metadata"]["name"]
        (endpoint,) = each["spec"]["endpoints"]
        assert (endpoint["path"], endpoint["port"]) == ("/metrics", "http")
        assert endpoint["authorization"]["credentials"] == {
            "name": "robot-backend-secret",
            "key": "METRICS_TOKEN",
        }


def test_the_component_lists_its_files_and_marks_the_dashboard() -> None:
    found = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert found["kind"] == "Component"
    (generator,) = found["configMapGenerator"]
    assert generator["options"]["labels"]["grafana_dashboard"] == "1"
    named = {*found["resources"], *(file.rpartition("=")[2] for file in generator["files"])}
    assert named | {"kustomization.yaml"} == {path.name for path in FOLDER.iterdir()}
