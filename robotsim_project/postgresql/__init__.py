"""Django's backend for PostgreSQL, which gives up soon while the server is away."""
