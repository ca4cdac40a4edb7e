"""Many hosts that write one lake, at accelerated time, with a central compaction beside them.

Each host has a clock of its own and disks whose counters are known at every moment, and is read by the
collector itself.
"""
