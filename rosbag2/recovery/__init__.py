"""Repair of damaged bags: every message that is left, written as a new bag."""
