"""Time passing: ticks that call services with `now`."""
