"""Only required connections are allowed in the two namespaces; rights end at robot-agents."""

import pytest

from tests.deployment.manifests import (
    SETS,
    Object,
    labels,
    of_kind,
    one,
    ours,
    rendered,
    selects,
    workloads,
)

DEBUG = {"run": "debug"}
"""Labels of a pod that `kubectl run debug` makes."""
PROGRAMS = {
    *("robot-backend", "robot-stream", "robot-controller", "robot-worker"),
    *("robot-migrate", "robot-backup", "robot-prune", "robot-restore"),
}
NAMES = "kubernetes.io/metadata.name"
OUTSIDE = [
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}},
    {"ipBlock": {"cidr": "::/0", "except": ["fd00:ec2::254/128"]}},
]
"""All addresses but those where a cloud gives away the node's credentials."""


def policies(name: str, namespace: str, given: dict[str, str], direction: str) -> list[Object]:
    """The rules that hold for a pod with these labels."""
    return [
        rule
        for thing in of_kind(rendered(name), "NetworkPolicy")
        if thing["metadata"]["namespace"] == namespace
        and direction in thing["spec"]["policyTypes"]
        and selects(thing["spec"]["podSelector"], given)
        for rule in thing["spec"].get(direction.lower(), [])
    ]


def lets(
    rules: list[Object], side: str, peer: tuple[str, dict[str, str]], namespace: str, port: int
) -> bool:
    """Return True when rules allow a pod of a namespace on a TCP port; ipBlock is ignored."""
    return any(
        any(matches(each, peer, namespace) for each in rule.get(side, [{}]))
        and port in {each["port"] for each in rule.get("ports", [{"port": port}])}
        for rule in rules
    )


def matches(term: Object, peer: tuple[str, dict[str, str]], namespace: str) -> bool:
    if "ipBlock" in term:
        return False
    place, given = peer
    spaces = term.get("namespaceSelector")
    inside = (
        place == namespace if spaces is None and term else selects(spaces or {}, {NAMES: place})
    )
    return inside and selects(term.get("podSelector", {}), given)


def named(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("namespace", ["robot", "robot-agents"])
def test_both_namespaces_deny_by_default_and_look_names_up(name: str, namespace: str) -> None:
    found = {
        thing["metadata"]["name"]: thing["spec"]
        for thing in of_kind(rendered(name), "NetworkPolicy")
        if thing["metadata"]["namespace"] == namespace
    }
    assert found["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    dns = ("kube-system", {"k8s-app": "kube-dns"})
    assert lets(policies(name, namespace, DEBUG, "Egress"), "to", dns, namespace, 53)


@pytest.mark.parametrize("name", SETS)
def test_each_policy_and_each_of_its_peers_takes_a_pod_that_there_is(name: str) -> None:
    pods = [labels(made) for thing, made in workloads(rendered(name)) if ours(thing)]
    pods.append(named("robot-restore"))  # made by restore.sh
    for thing in of_kind(rendered(name), "NetworkPolicy"):
        if thing["metadata"]["namespace"] != "robot" or thing["metadata"]["name"] == "acme-solver":
            continue  # agents and the solver of cert-manager are made later, by others
        spec = thing["spec"]
        peers = [
            each["podSelector"]
            for side, way in (("ingress", "from"), ("egress", "to"))
            for rule in spec.get(side, [])
            for each in rule.get(way, [])
            if "podSelector" in each and "namespaceSelector" not in each
        ]
        for selector in [spec["podSelector"], *peers]:
            assert any(selects(selector, given) for given in pods), thing["metadata"]["name"]
            for term in selector.get("matchExpressions", []):
                assert set(term["values"]) <= {given.get(term["key"]) for given in pods}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("part", "port"), [("postgres", 5432), ("redis", 6379), ("minio", 9000)])
def test_our_programs_reach_the_data_from_both_ends(name: str, part: str, port: int) -> None:
    inward = policies(name, "robot", named(part), "Ingress")
    for program in PROGRAMS:
        outward = policies(name, "robot", named(program), "Egress")
        assert lets(outward, "to", ("robot", named(part)), "robot", port), program
        assert lets(inward, "from", ("robot", named(program)), "robot", port), program


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("part", "port"), [("postgres", 5432), ("redis", 6379)])
def test_nobody_else_reaches_database_and_redis(name: str, part: str, port: int) -> None:
    inward = policies(name, "robot", named(part), "Ingress")
    strangers = [("robot", DEBUG), ("robot-agents", {}), ("monitoring", {}), ("ingress-nginx", {})]
    assert not any(lets(inward, "from", peer, "robot", port) for peer in strangers)


@pytest.mark.parametrize("name", SETS)
def test_units_reach_server_and_storage(name: str) -> None:
    for part, port in (("robot-backend", 8000), ("minio", 9000)):
        inward = policies(name, "robot", named(part), "Ingress")
        assert lets(inward, "from", ("robot-agents", {}), "robot", port)
        outward = policies(name, "robot-agents", {}, "Egress")
        assert lets(outward, "to", ("robot", named(part)), "robot-agents", port)


@pytest.mark.parametrize("name", SETS)
def test_the_controller_reaches_the_server_by_the_way_of_units(name: str) -> None:
    server = named("robot-backend")
    inward = policies(name, "robot", server, "Ingress")
    assert lets(inward, "from", ("robot", named("robot-controller")), "robot", 8000)
    outward = policies(name, "robot", named("robot-controller"), "Egress")
    assert lets(outward, "to", ("robot", server), "robot", 8000)


@pytest.mark.parametrize("name", SETS)
def test_units_reach_systems_under_test_anywhere_but_not_the_nodes_credentials(name: str) -> None:
    anywhere = [
        each
        for rule in policies(name, "robot-agents", {}, "Egress")
        if "ports" not in rule
        for each in rule["to"]
    ]
    assert anywhere == [*OUTSIDE, {"namespaceSelector": {}}]


@pytest.mark.parametrize("name", SETS)
def test_systems_under_test_and_other_units_reach_a_unit_by_dds_alone(name: str) -> None:
    (rule,) = policies(name, "robot-agents", {}, "Ingress")
    assert "from" not in rule
    (ports,) = rule["ports"]
    assert ports["protocol"] == "UDP"
    # The first port of domain 0, and all above: https://docs.ros.org, "The ROS_DOMAIN_ID". Below it is what
    # rmw_fastrtps takes for ros_discovery_info (unique network flows).
    assert (ports["port"], ports["endPort"]) == (7000, 65535)


@pytest.mark.parametrize("name", SETS)
def test_the_controller_leaves_robot_for_the_clusters_api_alone(name: str) -> None:
    rules = policies(name, "robot", named("robot-controller"), "Egress")
    outside = [rule for rule in rules if any("ipBlock" in each for each in rule["to"])]
    outside = [rule for rule in outside if rule["ports"][0]["port"] != 53]
    assert all(rule["to"] == OUTSIDE for rule in outside)
    ports = {each["port"] for rule in outside for each in rule["ports"]}
    assert ports == {443, 6443, 8443}


@pytest.mark.parametrize("name", SETS)
def test_monitoring_reads_both_servers(name: str) -> None:
    for part in ("robot-backend", "robot-stream"):
        inward = policies(name, "robot", named(part), "Ingress")
        assert lets(inward, "from", ("monitoring", {}), "robot", 8000)


def test_production_is_entered_by_the_ingress_alone() -> None:
    for part, port in (("robot-backend", 8000), ("robot-stream", 8000), ("minio", 9000)):
        inward = policies("production", "robot", named(part), "Ingress")
        assert lets(inward, "from", ("ingress-nginx", {}), "robot", port)
        assert not lets(inward, "from", ("default", {}), "robot", port)


def test_streams_have_a_way_of_their_own_through_the_ingress() -> None:
    stream = one(rendered("production"), "Ingress", "robot-stream")
    (path,) = stream["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == "robot-stream-service"
    assert path["path"] == "/api/v1/executions/[^/]+/stream$"
    words = {
        key.partition("/")[2]: value for key, value in stream["metadata"]["annotations"].items()
    }
    assert (words["proxy-buffering"], words["use-regex"]) == ("off", "true")
    assert int(words["proxy-read-timeout"]) >= 3600
    for thing in of_kind(rendered("production"), "Ingress"):
        assert thing["spec"]["ingressClassName"] == "nginx"
        assert thing["spec"]["tls"][0]["hosts"] == [thing["spec"]["rules"][0]["host"]]


@pytest.mark.parametrize("name", SETS)
def test_the_controller_has_rights_in_robot_agents_alone(name: str) -> None:
    roles = of_kind(rendered(name), "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    own = [
        thing
        for thing in roles
        if thing["metadata"]["labels"].get("app.kubernetes.io/part-of") == "robotsim"
    ]
    everywhere = (
        set()
        if "components" not in name
        else {
            ("ClusterRole", None),
            ("ClusterRoleBinding", None),
        }
    )
    assert {(thing["kind"], thing["metadata"].get("namespace")) for thing in own} == {
        ("Role", "robot-agents"),
        ("RoleBinding", "robot-agents"),
        *everywhere,
    }
    assert granted(one(rendered(name), "Role", "robot-controller")) == {
        "jobs": {"get", "list", "watch", "create", "delete"},
        "pods": {"get", "list", "watch", "delete"},
        "pods/log": {"get"},
        "events": {"get", "list", "watch"},
        "resourcequotas": {"get"},
        "secrets": {"get", "create", "patch", "delete"},
    }


def test_room_on_nodes_is_read_and_nothing_else_of_the_cluster() -> None:
    role = one(rendered("production with components"), "ClusterRole", "robotsim-node-capacity")
    assert granted(role) == {"nodes": {"list"}, "pods": {"list"}}


def granted(role: Object) -> dict[str, set[str]]:
    return {
        resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]
    }


@pytest.mark.parametrize("name", SETS)
def test_namespaces_enforce_pod_security(name: str) -> None:
    levels = {
        thing["metadata"]["name"]: {
            key.rpartition("/")[2]: value
            for key, value in thing["metadata"]["labels"].items()
            if key.startswith("pod-security")
        }
        for thing in of_kind(rendered(name), "Namespace")
    }
    restricted = {"warn": "restricted", "audit": "restricted"}
    assert levels == {
        "robot": {"enforce": "baseline", **restricted},
        "robot-agents": {"enforce": "restricted", **restricted},
    }
