"""The only speaker of the cluster's API."""

from lightkube import Client

__all__ = ["Client"]
