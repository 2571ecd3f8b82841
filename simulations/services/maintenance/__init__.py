"""Deletion of simulations, and retention."""
