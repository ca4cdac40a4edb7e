"""Volumes as the three sides tell of them: what was sold, what the storage is set to, what the hypervisor enforces."""
