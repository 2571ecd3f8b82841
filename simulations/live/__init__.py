"""Live state in Redis. All of it may vanish at any moment; the next heartbeats write it again."""
