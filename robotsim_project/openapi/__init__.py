"""The OpenAPI 3 schema of the API."""
