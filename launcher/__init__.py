"""`make run` and `make demo`: the whole system on one machine, nothing to install by hand."""
