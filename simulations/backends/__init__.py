"""Where units run; chosen by the setting BACKEND."""

from simulations.backends.base import Backend
from simulations.backends.local import LocalBackend


def backend(name: str) -> Backend:
    """The backend of that name. Raises KeyError for an unknown one."""
    return {"local": LocalBackend}[name]()
