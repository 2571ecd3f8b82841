"""The worker of the server of streams."""

from typing import Any

from uvicorn_worker import UvicornWorker

from robotsim_project.serving.shared import GRACE_SECONDS


class StreamWorker(UvicornWorker):  # type: ignore[misc]  # the library has no types
    """uvicorn without what is not used, and with an end: streams end at once, requests have their time."""

    CONFIG_KWARGS: dict[str, Any] = {
        "loop": "uvloop",
        "http": "httptools",
        "lifespan": "off",
        "proxy_headers": False,
        "timeout_graceful_shutdown": GRACE_SECONDS - 3,
    }
