"""Recordings of a unit: written in segments, which are uploaded while the run goes on."""
