"""Child processes with limits, in which bags and archives from strangers are opened."""
