"""Measures metering beside other programs on the samples of one fleet whose true usage is known.

`make bench-peers` runs it: collection on real guests, then storage, time and error on a fleet's months. The peers are
Prometheus, collectd, Gnocchi, CloudKitty, CloudStack's rule for counters, and engines that subtract the same samples.
"""
