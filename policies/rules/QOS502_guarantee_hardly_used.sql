/*
code = "QOS502"
name = "guarantee_hardly_used"
title = "A guaranteed minimum is hardly used"
severity = "low"
what = """
A volume whose guests, by the usage records of all its disks, did fewer operations in 95 % of the hours than `percent`
of the minimum that the storage enforced for it; hours without operations count. At a moment the last `days` days are
looked at, over a period all of it. Only volumes are judged on which a disk was seen (others are QOS503's), that had a minimum in every hour for which there are
usage records, and still have one, and only where there are `hours` hours or more: a few quiet ones say nothing about
the batch job of the weekend. Without usage records (`ioledger usage build`) there is nothing to judge by.
"""
why = """
The reserved operations are paid for and lost to others: a pool is full on paper while its array is idle, and
a customer who finds out feels sold too much.
"""
example = """
Volume `vol-a` is guaranteed 2000 IOPS. In 160 of the last 168 hours it did fewer than 50 operations per second.
"""
mend = """
Offer the customer a smaller offering, and give the reserved operations back to the pool. Exempt a volume that waits
for something rare, such as a standby database.
"""
origin = """
Cloud advisers call volumes oversized when a high percentile of their IOPS is far below what was provisioned.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "percent"
unit = "percent"
default = 20
meaning = "a volume that does fewer operations than this part of its minimum hardly uses it"

[[parameters]]
name = "days"
unit = "days"
default = 7
meaning = "how far back a check of a moment looks"

[[parameters]]
name = "hours"
unit = "hours"
default = 144
meaning = "so many hours with usage records are needed: six days of seven, for the last may not be built yet"

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-03T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-04T12:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-03T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "2", observed_at = 2026-11-04T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "3", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "3", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "3", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-wish", min_iops = 2000, min_enforced = false },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", volume_name = "root-web" },
]

[[fail]]
name = "one operation less than the threshold in the busiest hours, by all disks together, and hours without a record"
parameters = { hours = 4 }
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200001.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-2", account_id = "later", guaranteed_iops_seconds = 7200000.0 },
    { kind = "io", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1000000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vdb", read_ops = 400000, write_ops = 39999 },
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1, write_ops = 0 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-2"
volume_id = "vol-a"
account_id = "later"
observed = "399"
expected = "400"
unit = "operations per second"
interval_start = 2026-11-05T08:00:00Z
reason = "Volume vol-a (root-web) is guaranteed 2000 IOPS, and in 95 % of the hours it used no more than 399."

[[fail]]
name = "a busy hour in twenty is left aside; over a period"
moment = 2026-11-04T00:00:00Z
until = 2026-11-05T00:00:00Z
parameters = { hours = 20, days = 0, percent = 10 }
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-04T00:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T01:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T02:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T03:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T04:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T05:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T06:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T07:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T13:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T14:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T15:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T16:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T17:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T18:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T19:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "io", window_start = 2026-11-04T00:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 99999999, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T01:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T02:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T03:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T04:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T05:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T06:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T07:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T13:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T14:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T15:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T16:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T17:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T18:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T19:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
]
[[fail.expect]]
resource_id = "vol-a"
observed = "100"
expected = "200"
reason = "Volume vol-a is guaranteed 2000 IOPS, and in 95 % of the hours it used no more than 100."
interval_start = 2026-11-04T00:00:00Z
interval_end = 2026-11-05T00:00:00Z

[[pass]]
name = "a busy hour in nineteen counts"
moment = 2026-11-04T00:00:00Z
until = 2026-11-05T00:00:00Z
parameters = { hours = 19, days = 0 }
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-04T00:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T01:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T02:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T03:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T04:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T05:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T06:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T07:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T13:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T14:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T15:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T16:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T17:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-04T18:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "io", window_start = 2026-11-04T00:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 99999999, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T01:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T02:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T03:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T04:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T05:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T06:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T07:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T13:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T14:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T15:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T16:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T17:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
    { kind = "io", window_start = 2026-11-04T18:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 360000, write_ops = 0 },
]

[[fail]]
name = "a minimum that was there for a moment of every hour, and no operation"
parameters = { hours = 4 }
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda" },
    { kind = "allocation", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 5.0 },
    { kind = "allocation", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 5.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 5.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 5.0 },
]
[[fail.expect]]
resource_id = "vol-a"
observed = "0"

[[pass]]
name = "the threshold is reached, or the minimum was lower for an hour"
parameters = { hours = 4 }
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1440000, write_ops = 0 },
    { kind = "allocation", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-b", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-b", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7199999.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-b", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-b", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "io", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-b", vm_id = "guest-1", device = "vda", read_ops = 1440000, write_ops = 0 },
]

[[pass]]
name = "a volume that is known for a part of the time, one that is gone, and one whose minimum is not enforced any more"
parameters = { hours = 3 }
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1 },
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-gone", vm_id = "guest-1", device = "vda", read_ops = 1 },
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-wish", vm_id = "guest-1", device = "vda", read_ops = 1 },
    { kind = "allocation", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-gone", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-gone", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-gone", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-gone", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T08:00:00Z, volume_id = "vol-wish", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-wish", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-wish", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-wish", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
]

[[pass]]
name = "fewer hours than are needed"
parameters = { hours = 4 }
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1 },
    { kind = "allocation", window_start = 2026-11-05T09:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", account_id = "acme", guaranteed_iops_seconds = 7200000.0 },
]

[[pass]]
name = "no disk was seen on it"
parameters = { hours = 1 }
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", guaranteed_iops_seconds = 7200000.0 },
]
*/

WITH
-- one row per volume and hour, with what it was guaranteed
guaranteed_hour AS (
    SELECT
        volume_id,
        window_start,
        arg_max(vm_id, window_start) AS vm_id,
        arg_max(account_id, window_start) AS account_id,
        sum(guaranteed_iops_seconds) AS guaranteed_ops
    FROM usage_within('allocation', $days, $period_start, $period_end)
    GROUP BY volume_id, window_start
),

-- one row per volume and hour in which a disk was seen on it
used_hour AS (
    SELECT
        volume_id,
        window_start,
        sum(read_ops + write_ops) AS done_ops
    FROM usage_within('io', $days, $period_start, $period_end)
    GROUP BY volume_id, window_start
),

-- one row per volume that is known in every hour: the least that it was guaranteed, as operations in an hour (0 if
-- nothing), and what it did in an hour that is exceeded in one of twenty at most
guaranteed AS (
    SELECT
        volume_id,
        arg_max(hour.vm_id, window_start) AS vm_id,
        arg_max(hour.account_id, window_start) AS account_id,
        min(window_start) AS first_at,
        floor(min(hour.guaranteed_ops))::HUGEINT AS guaranteed_ops,
        quantile_disc(coalesce(used.done_ops, 0), 0.95) AS usual_ops
    FROM guaranteed_hour AS hour
    LEFT JOIN used_hour AS used USING (volume_id, window_start)
    GROUP BY volume_id
    HAVING
        count(*) >= $hours
        AND count(used.done_ops) > 0
        AND count(*) = (
            SELECT count(DISTINCT window_start)
            FROM usage_within('allocation', $days, $period_start, $period_end)
        )
)

SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    vm_id,
    volume_id,
    guaranteed.account_id,
    (usual_ops // 3600)::VARCHAR AS observed,
    (guaranteed_ops * $percent // 360000)::VARCHAR AS expected,
    'operations per second' AS unit,
    format(
        'Volume {} is guaranteed {} IOPS, and in 95 % of the hours it used no more than {}.',
        max(volume_state.volume), guaranteed_ops // 3600, usual_ops // 3600
    ) AS reason,
    first_at AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM guaranteed
JOIN volume_state USING (volume_id)
WHERE
    usual_ops * 100 < guaranteed_ops * $percent
    AND volume_state.enforced
GROUP BY volume_id, vm_id, guaranteed.account_id, first_at, guaranteed_ops, usual_ops
