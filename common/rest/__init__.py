"""Pieces of the REST API: serializers, filters, parsers, pages, errors."""
