"""Verification of a bag: its index, its statistics, and the differences between metadata and data."""
