"""Somebody who walks the guide on the real node, with the cluster's kubectl and minikube."""

import shutil
from pathlib import Path

from robotsim_project.environment import BASE_DIR
from tests.deployment.guide_reader import Reader, new_reader
from tests.deployment.node.real_cluster import RealCluster

_SCRIPTS = ("install.sh", "server-renew.sh", "restore.sh", "Dockerfile", ".dockerignore")
_WAIT = "900"
INSTALLING_SECONDS = 3600


def new_walker(cluster: RealCluster, folder: Path) -> Reader:
    """Return a reader whose copy has all that images and scripts are made of."""
    walker = new_reader(folder)
    for path in (*map(BASE_DIR.joinpath, _SCRIPTS), *BASE_DIR.glob("requirements*.txt")):
        shutil.copy(path, folder)
    for name in ("k8s", "scripts", "locale"):
        shutil.copytree(BASE_DIR / name, folder / name, symlinks=True)
    walker.environment = {**cluster.environment(), "WAIT_SECONDS": _WAIT}
    return walker
