"""Pieces of the console: actions, lists, deletion, errors in forms."""
