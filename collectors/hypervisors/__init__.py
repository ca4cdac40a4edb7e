"""Sources of kind `hypervisor`: disks, their counters and their caps. None knows an array."""
