"""Simulations and systems under test as people design them."""
