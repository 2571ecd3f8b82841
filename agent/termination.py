"""The termination message of a container: one line of JSON, which Kubernetes keeps with the end of a pod."""

import logging
import os
from pathlib import Path

from agent.protocol import Message, encode

MAX_CHARACTERS = 600
"""Of a text in it: Kubernetes keeps 4096 bytes of the message, and JSON may need six for a character."""

log = logging.getLogger(__name__)


def write_termination_message(message: Message) -> None:
    """Write the message to the file that ROBOTSIM_TERMINATION_LOG names, if any."""
    path = os.environ.get("ROBOTSIM_TERMINATION_LOG")
    if not path:
        return
    try:
        Path(path).write_bytes(encode(message))
    except OSError as error:
        log.warning("no termination message was written: %s", error)
