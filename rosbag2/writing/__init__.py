"""New bags: sqlite3, MCAP and their metadata.yaml; a sample bag."""
