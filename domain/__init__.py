"""Rules in plain Python: no input or output, no async; `now` is an argument."""
