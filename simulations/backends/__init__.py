"""Backends that run units; the setting BACKEND names the one in use."""

from simulations.backends.base import Backend
from simulations.backends.local import LocalBackend


def backend(name: str) -> Backend:
    """Create the backend of a name.

    Raises:
        KeyError: The name is unknown.
    """
    return {"local": LocalBackend}[name]()
