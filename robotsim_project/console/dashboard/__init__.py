"""The dashboard: what runs, what failed, what is worked on, and how the system is."""
