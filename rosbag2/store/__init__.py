"""The data files of a bag, one module family per format; `opening.open_store` chooses by the content."""
