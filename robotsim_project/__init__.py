"""Settings, addresses and health of the whole system; the top of the house."""
