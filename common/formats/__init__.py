"""Formats of times: one in all languages."""
