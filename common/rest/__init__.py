"""Shared parts of the REST API: serializers, filters, parsers, pagination, errors."""
