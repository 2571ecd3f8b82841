"""The program that runs in a unit: no Django, no S3 keys, no database."""
