"""A Zenoh router that counts what arrives: the independent witness of what agents say they published."""

import json
import threading
from collections import Counter

import zenoh

from tests.support.s3 import free_ports


class Listener:
    """A router on loopback; counts messages by agent, the first chunk of their keys."""

    def __init__(self) -> None:
        self.endpoint = f"tcp/127.0.0.1:{free_ports(1)[0]}"
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        config = zenoh.Config()
        config.insert_json5("mode", '"router"')
        config.insert_json5("listen/endpoints", json.dumps([self.endpoint]))
        config.insert_json5("scouting/multicast/enabled", "false")
        self._session = zenoh.open(config)
        handler = zenoh.handlers.Callback(self._count, indirect=False)
        self._subscriber = self._session.declare_subscriber("**", handler)

    def _count(self, sample: zenoh.Sample) -> None:
        agent = str(sample.key_expr).partition("/")[0]
        with self._lock:
            self._counts[agent] += 1

    def counts(self, prefix: str) -> dict[str, int]:
        """Return the number of messages by agent, of agents whose namespace has a prefix."""
        with self._lock:
            return {
                f"/{name}": n for name, n in self._counts.items() if f"/{name}".startswith(prefix)
            }

    def close(self) -> None:
        self._session.close()
