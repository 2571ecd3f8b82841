"""Backends that run units; the setting BACKEND names the one in use."""

from simulations.backends.base import Backend
from simulations.backends.kubernetes.backend import KubernetesBackend
from simulations.backends.local import LocalBackend


def backend(name: str) -> Backend:
    """Create the backend of a name.

    Raises:
        KeyError: The name is unknown.
    """
    backends: dict[str, type[Backend]] = {"local": LocalBackend, "kubernetes": KubernetesBackend}
    return backends[name]()
