"""How far executions are, and their results."""
