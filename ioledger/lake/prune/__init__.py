"""Pruning: facts of long ago go, but for what usage of later hours rests on (metering.md, Pruning)."""
