"""Texts of other programs, as the database stores them."""


def storable(text: str) -> str:
    """Return a text without NUL characters, which PostgreSQL stores neither in texts nor in JSON."""
    return text.replace("\0", "")
