"""Early pytest plugin: what the tests stand on."""

import os

os.environ.setdefault("ENVIRONMENT", "test")
