"""The search over everything that has a name, and over the pages of the console."""
