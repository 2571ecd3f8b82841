"""The API as a whole: access, schema, bad input, generated client."""
