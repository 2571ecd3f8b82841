"""File formats of a bag: metadata.yaml, QoS profiles, compression, records of MCAP and SQLite files."""
