"""Server-Sent Events: one hub per watched execution, and its watchers."""
