"""A real Kubernetes control plane on loopback, and a node that stands in for a kubelet.

etcd, API server, controller manager, scheduler and kubectl are the real programs. The node is not: it reports
of pods what a kubelet would, and runs none. What their containers do is answered by a program of the test,
which is called as `pull|run|exec NAMESPACE POD CONTAINER WORD...` (see `answer`).
"""

import json
import os
import secrets
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from common.processes import die_with_parent, terminate
from tests.support.ports import free_ports
from tests.support.programs import find
from tests.support.s3 import serves_http
from tests.support.servers import wait_until

ADMIN = "admin"
NOBODY = "nobody"
"""A user who is known and may do nothing."""
PROVISIONER = "k8s.io/minikube-hostpath"
YES = "#!/bin/sh\nexit 0\n"
NODE = "system:node:node"
PROXY = "system:kube-proxy"
_GROUPS = {ADMIN: '"system:masters"', NOBODY: "", NODE: '"system:nodes"', PROXY: ""}
_KUBECTL_SECONDS = 120


class ControlPlane:
    """The processes, and what it takes to speak to them."""

    context = "tests"

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.folder = folder
        self._address = address
        self._program = str(find("controlplane"))
        self._processes: list[subprocess.Popen[bytes]] = []
        etcd, peer, api = free_ports(3)
        self._etcd = f"http://127.0.0.1:{etcd}"
        self._peer = f"http://127.0.0.1:{peer}"
        self._port = api
        self.url = f"https://{address}:{api}"
        self._tokens = {user: secrets.token_urlsafe(24) for user in _GROUPS}

    def start(self, *, standin: bool = True) -> None:
        """Start everything and wait until pods can be made; on the stand-in node, if there is to be one."""
        self.folder.mkdir(mode=0o700)
        self._write_keys()
        etcd = self._run(
            "etcd",
            *("--data-dir", f"{self.folder}/etcd", "--client-url", self._etcd),
            *("--peer-url", self._peer),
        )
        wait_until(lambda: serves_http(f"{self._etcd}/health"), etcd, self._log("etcd"))
        self.start_api()
        for user in self._tokens:
            self._write_kubeconfig(user)
        self._write_kubectl()
        self.answer(YES)
        own = ["--kubeconfig", str(self.kubeconfig(ADMIN))]
        single = ["--leader-elect=false", "--secure-port=0"]
        signing = ["--service-account-private-key-file", f"{self.folder}/key"]
        roots = ["--root-ca-file", str(self._certificate)]
        each = "--use-service-account-credentials"
        manager = "kube-controller-manager"
        managed = self._run(manager, *own, *single, *signing, *roots, each)
        self._run("kube-scheduler", *own, *single)
        if standin:
            self.add_node("node")
        self._create_class()
        wait_until(lambda: self._has("serviceaccount", "default"), managed, self._log(manager))

    def start_api(self) -> None:
        """Start the API server, also again, and wait until it is ready."""
        self._api = self._run("kube-apiserver", *self._api_flags())
        wait_until(self._is_ready, self._api, self._log("kube-apiserver"))

    def kill_api(self) -> None:
        """Kill the API server; what it has stored stays."""
        terminate([self._api], first=signal.SIGKILL)

    def add_node(self, name: str) -> None:
        """One more place for pods."""
        (port,) = free_ports(1)
        admin = ["--kubeconfig", str(self.kubeconfig(ADMIN))]
        answers = ["--program", str(self._answers)]
        node = self._run("node", "--name", name, "--port", str(port), *admin, *answers)
        wait_until(lambda: self._has("node", name), node, self._log("node"))

    def stop(self) -> None:
        """End it at once (nothing in it is kept)."""
        terminate(self._processes, first=signal.SIGKILL)

    def kubectl(
        self, *words: str, user: str = ADMIN, check: bool = True, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; it fails with what kubectl said."""
        done = subprocess.run(
            [self.folder / "bin" / "kubectl", *words],
            env=self.environment(user),
            capture_output=True,
            text=True,
            timeout=_KUBECTL_SECONDS,
            check=False,
            **more,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(words)}:\n{done.stdout}\n{done.stderr}")
        return done

    def get(self, *words: str) -> Any:
        """Return the objects of `kubectl get`."""
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    def apply(self, manifest: dict[str, Any], *words: str, **more: Any) -> Any:
        """Apply one object."""
        return self.kubectl("apply", "-f", "-", *words, input=json.dumps(manifest), **more)

    def environment(self, user: str = ADMIN) -> dict[str, str]:
        """Environment of a script: kubectl first on PATH, and this cluster as the current one."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {
            "PATH": f"{self.folder}/bin:{kept['PATH']}",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.kubeconfig(user)),
        }

    def kubeconfig(self, user: str) -> Path:
        return self.folder / f"kubeconfig-{user}"

    def answer(self, script: str) -> None:
        """Let this program simulate containers from now on: pulls, runs to completion, and exec."""
        new = self.folder / "answers.new"
        new.write_text(script)
        new.chmod(0o755)
        new.replace(self._answers)

    @property
    def _answers(self) -> Path:
        return self.folder / "answers"

    @property
    def _certificate(self) -> Path:
        return self.folder / "certs" / "apiserver.crt"

    def _log(self, part: str) -> Path:
        return self.folder / f"{part}.log"

    def _run(self, part: str, *flags: str) -> subprocess.Popen[bytes]:
        with self._log(part).open("ab") as log:
            child = subprocess.Popen(
                [self._program, part, *flags],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        self._processes.append(child)
        return child

    def _write_keys(self) -> None:
        key = self.folder / "key"
        subprocess.run([self._program, "key", key], check=True, timeout=60)
        lines = [f"{self._tokens[user]},{user},{user},{_GROUPS[user]}" for user in self._tokens]
        tokens = self.folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text("\n".join(lines) + "\n")

    def _api_flags(self) -> list[str]:
        key = f"{self.folder}/key"
        issuer = "https://kubernetes.default.svc.cluster.local"
        return [
            *("--etcd-servers", self._etcd, "--cert-dir", f"{self.folder}/certs"),
            *("--bind-address", self._address, "--secure-port", str(self._port)),
            *self._endpoint_flags(),
            *("--service-cluster-ip-range", "10.0.0.0/16", "--allow-privileged"),
            *("--authorization-mode", "Node,RBAC"),
            *("--token-auth-file", f"{self.folder}/tokens.csv"),
            *("--service-account-issuer", issuer, "--service-account-key-file", key),
            *("--service-account-signing-key-file", key),
            *("--kubelet-preferred-address-types", "InternalIP"),
        ]

    def _endpoint_flags(self) -> list[str]:
        """Address at which pods reach the API server; those of a stand-in node reach nothing."""
        if self._address.startswith("127."):
            return ["--endpoint-reconciler-type", "none"]
        return ["--advertise-address", self._address]

    def _is_ready(self) -> bool:
        context = ssl._create_unverified_context()  # noqa: S323  it has just made it
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2, context=context):  # noqa: S310
                return True
        except (OSError, urllib.error.HTTPError):
            return False

    def _write_kubeconfig(self, user: str) -> None:
        cluster = {"server": self.url, "certificate-authority": str(self._certificate)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.context,
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
            "contexts": [{"name": self.context, "context": {"cluster": "tests", "user": user}}],
        }
        self.kubeconfig(user).touch(mode=0o600)
        self.kubeconfig(user).write_text(json.dumps(config))

    def _write_kubectl(self) -> None:
        binaries = self.folder / "bin"
        binaries.mkdir()
        (binaries / "kubectl").write_text(f'#!/bin/sh\nexec "{self._program}" kubectl "$@"\n')
        (binaries / "kubectl").chmod(0o755)

    def _create_class(self) -> None:
        """The class of volumes that minikube and kind have; the node plays its provisioner."""
        self.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {
                    "name": "standard",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
                "provisioner": PROVISIONER,
            }
        )

    def _has(self, kind: str, name: str) -> bool:
        return self.kubectl("get", kind, name, check=False).returncode == 0
