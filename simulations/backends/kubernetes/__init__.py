"""Units as pods: the backend `kubernetes`."""
