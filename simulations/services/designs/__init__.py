"""Designs: simulations and MECs."""
