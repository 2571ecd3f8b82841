"""A zenoh router on loopback as a stand-in for a system under test: `zenoh_router.py PORT`."""

import signal
import sys

import zenoh


def main(port: str) -> None:
    """Run the router until SIGTERM."""
    config = zenoh.Config()
    config.insert_json5("mode", '"router"')
    config.insert_json5("listen/endpoints", f'["tcp/127.0.0.1:{port}"]')
    config.insert_json5("scouting/multicast/enabled", "false")
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with zenoh.open(config):
        signal.sigwait(signals)


if __name__ == "__main__":
    main(sys.argv[1])
