"""Backends that run units; the setting BACKEND names the one in use."""

from django.utils.module_loading import import_string

from simulations.backends.base import Backend

_BACKENDS = {
    "local": "simulations.backends.local.LocalBackend",
    "kubernetes": "simulations.backends.kubernetes.backend.KubernetesBackend",
}


def backend(name: str) -> Backend:
    """Create the backend of a name; only then it is imported: the client of a cluster takes 10 MiB.

    Raises:
        KeyError: The name is unknown.
    """
    created: Backend = import_string(_BACKENDS[name])()
    return created
