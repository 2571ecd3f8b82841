"""Garbage collection in the servers."""

import gc
from importlib import import_module

from django.conf import settings


def freeze_loaded() -> None:
    """Load the URLconf, and exclude all that is loaded from garbage collection.

    A full collection would traverse it each time, and stop all threads of the process meanwhile.
    """
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
