"""Shared parts of the admin: actions, change lists, deletion, errors in forms."""
