"""The pages of the system: health, background work, storage, settings."""
