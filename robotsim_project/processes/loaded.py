"""What a process has loaded at its start, and never gives back."""

import gc
from importlib import import_module

from django.conf import settings


def keep() -> None:
    """Load the pages as well, and spare the garbage collector what is loaded.

    It would walk through all of it again and again, and stop all threads for 100 ms each time.
    """
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
