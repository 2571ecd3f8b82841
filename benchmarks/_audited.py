"""A control plane that audits the calls of service accounts in the namespace `robot`."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from robotsim_project.environment import BASE_DIR
from tests.deployment.cluster.control_plane import ADMIN, ControlPlane

AGENTS = "robot-agents"
CONTROLLER = "robot-controller"
_PLACE = "robot"
_GROUP = f"system:serviceaccounts:{_PLACE}"


class Audited(ControlPlane):
    """The accounts come with `add_controller` and `add_account`; it counts the calls of each."""

    def add_controller(self, namespace: str = AGENTS) -> None:
        """Add the namespaces, and the controller's account with its rights in that of the agents."""
        self.kubectl("apply", "-f", str(BASE_DIR / "k8s/base/namespaces.yaml"))
        rights = (BASE_DIR / "k8s/base/controller-rbac.yaml").read_text()
        rights = rights.replace(f"namespace: {AGENTS}\n", f"namespace: {namespace}\n")
        self.kubectl("apply", "-f", "-", input=rights)

    def add_account(self, account: str, namespace: str) -> None:
        """Add an account that may edit everything in a namespace."""
        self.kubectl("create", "serviceaccount", account, "-n", _PLACE)
        rights = ("--clusterrole=edit", f"--serviceaccount={_PLACE}:{account}")
        self.kubectl("create", "rolebinding", account, "-n", namespace, *rights)

    def token(self, account: str) -> str:
        made = self.kubectl("create", "token", account, "-n", _PLACE, "--duration=2h")
        return made.stdout.strip()

    def account_kubeconfig(self, account: str) -> Path:
        """Write a kubeconfig with the rights of an account."""
        config = json.loads(self.kubeconfig(ADMIN).read_text())
        config["users"][0]["user"] = {"token": self.token(account)}
        path = self.kubeconfig(account)
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    def calls(self, account: str = CONTROLLER) -> Counter[str]:
        """Number of calls that an account has made, by verb and kind of object."""
        user = f"system:serviceaccount:{_PLACE}:{account}"
        counted: Counter[str] = Counter()
        for line in self._audit.read_text().splitlines() if self._audit.exists() else ():
            entry: dict[str, Any] = json.loads(line)
            end = "ResponseStarted" if entry["verb"] == "watch" else "ResponseComplete"
            if entry["user"]["username"] == user and entry["stage"] == end:
                counted[f"{entry['verb']} {entry.get('objectRef', {}).get('resource', '?')}"] += 1
        return counted

    def _api_flags(self) -> list[str]:
        policy = self.folder / "audit.yaml"
        ours = {"level": "Metadata", "userGroups": [_GROUP], "omitStages": ["RequestReceived"]}
        rules = [ours, {"level": "None"}]
        kind = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
        policy.write_text(json.dumps({**kind, "rules": rules}))
        audit = ["--audit-policy-file", str(policy), "--audit-log-path", str(self._audit)]
        return [*super()._api_flags(), *audit]

    @property
    def _audit(self) -> Path:
        return self.folder / "audit.log"
