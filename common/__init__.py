"""Pieces that the doors of all apps share; imports none of the apps."""
