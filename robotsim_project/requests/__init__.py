"""Ways past Django's usual handling of requests: streams, heartbeats, polled lists, bounded bodies."""
