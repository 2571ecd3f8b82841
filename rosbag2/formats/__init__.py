"""What a bag is made of: metadata.yaml, QoS profiles, compression, the records of MCAP and SQLite files."""
