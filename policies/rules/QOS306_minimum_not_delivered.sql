/*
code = "QOS306"
name = "minimum_not_delivered"
title = "Requests wait while the volume gets less than its minimum"
severity = "high"
what = """
A disk on a volume with an enforced minimum that gets fewer operations per second than its share of that
minimum although it asks for more: over a bucket of `window_seconds`, `queue_depth` requests or more were
under way on average. How many is known from the counters by Little's law: the time spent in requests,
divided by the time that passed. Several disks on one volume share its minimum evenly. Where the storage
counts a large request as several operations (`iops_unit_bytes`), they count as at least as many as their
bytes make. A disk that is at 95 % or more of one of its own caps, or of its share of the volume's maximum in
bytes, waits for that and is not named here. Where samples lack the times of requests, as those of sources do
that report rates alone, nobody can tell whether a disk waits: that is so of all disks of such a source and
always, so that nothing is said of it. A bucket with fewer than two samples is not judged. At a moment the
bucket is the time before it, judged by the minimum that is in force at the moment.
"""
why = """
This is the promise itself, measured: the customer pays for a minimum, asks for it, and does not get it.
Settings may all be right; the array is overloaded, or the path to it is.
"""
example = """
Volume `vol-a` has an enforced minimum of 2000 IOPS. From 14:00 to 14:30 its disk had 16 requests under way at
a time, and 700 operations a second were done.
"""
mend = """
See whether the pool is overbooked (QOS301) or its array busy, and whether the paths from the host to it are.
Until that is mended, the account may be due a credit for the interval.
"""
origin = """
Raised when guaranteed IOPS were first sold: how would anybody know that the array keeps its promise? A queue
in front of a disk that gets less than it was promised is the answer that the counters hold.
"""
moment = 2026-11-05T12:10:00Z

[[parameters]]
name = "queue_depth"
unit = "requests"
default = 2
meaning = "with so many requests under way on average, a disk asks for more than it gets"

[[parameters]]
name = "window_seconds"
unit = "seconds"
default = 900
meaning = "the length of the buckets of time in which samples are compared; two samples at least must fall into each"

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:49:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:10:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 1000, min_enforced = true },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:49:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-shared", min_iops = 1001, min_enforced = true, attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-fast", min_iops = 3000000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-unit", min_iops = 1000, min_enforced = true, iops_unit_bytes = 4096 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-bytes", min_iops = 1000, min_enforced = true, max_bps = 2000, attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-wish", min_iops = 1000, min_enforced = false },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
]

[[fail]]
name = "as many requests waiting as the threshold, and one operation a second too few"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 300000, write_ops = 299999, read_bytes = 0, write_bytes = 0, read_time_ns = 600000000000, write_time_ns = 600000000000, volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-2", vm_name = "web", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-fast" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-2", vm_name = "web", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-fast" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-shared" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-shared" },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "999"
expected = "1000"
unit = "operations per second"
interval_start = 2026-11-05T11:55:00Z
reason = "Disk vda of web had 2 requests or more waiting at a time and got no more than 999 of the 1000 IOPS that volume vol-a guarantees it."

[[fail]]
name = "the disk's share of a minimum, requests that count as several for the storage, and another threshold"
parameters = { queue_depth = 4 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-shared" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 299999, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 2400000000000, write_time_ns = 0, volume_id = "vol-shared" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-unit" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 299999, write_ops = 0, read_bytes = 2457591808, write_bytes = 0, read_time_ns = 2400000000000, write_time_ns = 0, volume_id = "vol-unit" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdc", state = "ok", epoch = "guest-1-vdc", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdc", state = "ok", epoch = "guest-1-vdc", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 2399999999999, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdd", state = "ok", epoch = "guest-1-vdd", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-fast" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdd", state = "ok", epoch = "guest-1-vdd", read_ops = 1799999999, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 2400000000000, write_time_ns = 0, volume_id = "vol-fast" },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "499"
expected = "500"
[[fail.expect]]
resource_id = "guest-1/vdb"
observed = "999"
expected = "1000"
[[fail.expect]]
resource_id = "guest-1/vdd"
observed = "2999999"
expected = "3000000"

[[fail]]
name = "the storage was read within the time that is looked at"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:05:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:10:00Z },
]
given.entitlement = []
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:05:00Z, volume_id = "vol-a", min_iops = 1000, min_enforced = true },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 1, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1200000000000, write_time_ns = 0, volume_id = "vol-a" },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "0"

[[fail]]
name = "a cap that does not hold the disk"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a", cap_total_iops = 1060 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 599999, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1200000000000, write_time_ns = 0, volume_id = "vol-a", cap_total_iops = 1060 },
]
[[fail.expect]]
resource_id = "guest-1/vda"

[[fail]]
name = "over a period: neighbouring buckets are one interval, and a bucket in which the minimum was raised is not judged"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T12:50:00Z
parameters = { window_seconds = 600 }
given.disk_io_stat = [
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:09:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 54000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1080000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 114000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1080000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:19:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 654000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1080000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:20:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 714000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1080000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:29:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 984000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 2160000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:30:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 1014000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 2280000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:39:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 1122000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 3360000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:40:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 1182000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 3360000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:49:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 1182100, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 4440000000000, write_time_ns = 0, volume_id = "vol-a" },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "100"
interval_start = 2026-11-05T12:00:00Z
interval_end = 2026-11-05T12:10:00Z
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "200"
interval_start = 2026-11-05T12:20:00Z
interval_end = 2026-11-05T12:40:00Z

[[pass]]
name = "one request less waiting, the whole minimum, or times that nobody told"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 599999, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1199999999999, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 600000, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1200000000000, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdc", state = "ok", epoch = "guest-1-vdc", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, write_time_ns = 0, volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdc", state = "ok", epoch = "guest-1-vdc", read_ops = 1, write_ops = 0, read_bytes = 0, write_bytes = 0, write_time_ns = 0, volume_id = "vol-a" },
]

[[pass]]
name = "the disk is held by its own cap, by its share of the storage's maximum in bytes, or its minimum is not enforced"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-a", cap_total_iops = 1052 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 599999, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1200000000000, write_time_ns = 0, volume_id = "vol-a", cap_total_iops = 1052 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-bytes" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 1, write_ops = 0, read_bytes = 570000, write_bytes = 0, read_time_ns = 1200000000000, write_time_ns = 0, volume_id = "vol-bytes" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdc", state = "ok", epoch = "guest-1-vdc", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 0, write_time_ns = 0, volume_id = "vol-wish" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vdc", state = "ok", epoch = "guest-1-vdc", read_ops = 1, write_ops = 0, read_bytes = 0, write_bytes = 0, read_time_ns = 1200000000000, write_time_ns = 0, volume_id = "vol-wish" },
]

*/

WITH
-- one row per disk and stretch of time in which its volume has an enforced minimum, and the disk's share of it
guaranteed AS (
    SELECT *, least_share_of(min_iops, attached_count) AS guaranteed_iops
    FROM watched_disk
    WHERE enforced
),

-- one row per such disk and bucket of time in which requests waited and the disk got less, but for its own limits
starved AS (
    SELECT
        disk.vm_id,
        disk.device,
        disk.vm,
        disk.volume_id,
        disk.volume,
        disk.account_id,
        disk.guaranteed_iops,
        done.bucket,
        done.bucket_start,
        done.bucket_end,
        counted_ops_of(
            done.read_ops::HUGEINT + done.write_ops, done.read_bytes::HUGEINT + done.write_bytes, disk.iops_unit_bytes
        ) * 1000000 // done.elapsed_us AS done_iops
    FROM guaranteed AS disk
    JOIN observed_of('guaranteed', $window_seconds, $period_start, $period_end) AS done
        ON disk.vm_id = done.vm_id
        AND disk.device = done.device
        AND disk.valid_from <= greatest(done.first_sampled_at, $period_start)
        AND disk.valid_to > done.last_sampled_at
    WHERE
        done.read_time_ns::HUGEINT + done.write_time_ns >= $queue_depth * 1000::HUGEINT * done.elapsed_us
        AND done_iops < disk.guaranteed_iops
        AND NOT is_near_cap(done.read_ops, done.write_ops, done.read_bytes, done.write_bytes, disk, done.elapsed_us)
        AND NOT is_at_cap(
            done.read_bytes::HUGEINT + done.write_bytes, most_share_of(disk.max_bps, disk.attached_count), done.elapsed_us
        )
),

-- one row per such disk and bucket; buckets that follow each other under one minimum have the same `run`
neighbouring AS (
    SELECT
        *,
        bucket - dense_rank() OVER (PARTITION BY vm_id, device, volume_id, guaranteed_iops ORDER BY bucket) AS run
    FROM starved
)

SELECT
    'violation' AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    min(done_iops)::VARCHAR AS observed,
    guaranteed_iops::VARCHAR AS expected,
    'operations per second' AS unit,
    format(
        'Disk {} of {} had {} requests or more waiting at a time and got no more than {} of the {} IOPS that volume {} guarantees it.',
        device, vm, $queue_depth, min(done_iops), guaranteed_iops, volume
    ) AS reason,
    min(bucket_start) AS interval_start,
    max(bucket_end) AS interval_end
FROM neighbouring
GROUP BY vm_id, device, vm, volume_id, volume, account_id, guaranteed_iops, run
