"""Transports over Zenoh: serialized messages as they are, and the wire format of rmw_zenoh."""
