"""Decoding of serialized messages: type definitions, CDR, single fields, JSON."""
