"""Examples of requests and answers, by operation; a test holds them against the description."""

from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = {}
