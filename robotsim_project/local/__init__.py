"""The whole system on one machine, nothing installed by hand: what `make run` and `make demo` call."""
