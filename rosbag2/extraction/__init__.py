"""Parts of a bag for people: a time slice as JSON, plots, pictures, or an exported file."""
