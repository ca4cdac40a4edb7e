"""The state of things over a period: what limited each disk and volume, stretch by stretch, for the rules."""
