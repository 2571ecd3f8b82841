"""Django's database backend for PostgreSQL, which fails fast while the server is unreachable."""
