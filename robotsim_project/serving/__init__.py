"""gunicorn's settings for the two servers of production: `web` (threads) and `stream` (event loop)."""
