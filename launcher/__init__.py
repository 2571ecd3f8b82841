"""`make run` and `make demo`: the whole system on one machine, with nothing installed by hand."""
