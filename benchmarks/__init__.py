"""Measures what metering costs, on fleets whose true usage is known; `make bench` runs it."""
