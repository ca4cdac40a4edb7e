/*
code = "QOS406"
name = "cap_not_enforced"
title = "A disk does more than its cap lets through"
severity = "high"
what = """
A disk whose samples show more operations or bytes than its hypervisor cap lets through within
`window_seconds`, beyond what the cap's burst allows and by more than `tolerance_percent`. Every cap is
judged, in total and of reads and writes apart, as far as it was the same all the time. Where
`cap_io_size` makes a large request count as several, operations count as at least as many as their
bytes make. A member of a throttle group is judged by its own rate: what it does alone is more than the
group may do together. QEMU merges neighbouring requests before it counts them and the guest's counters
count them apart, so that sequential I/O of small requests can lawfully be above a cap: `tolerance_percent`
is for that. A disk that was sampled less than twice in a bucket is not judged.
"""
why = """
A cap that is set and not enforced protects nobody: the neighbours lose what the disk takes, and
operations are billed as throttled that nothing throttled.
"""
example = """
Disk `vda` is capped at 500 IOPS. For a quarter of an hour its counters rise by 900 operations a
second.
"""
mend = """
Set the cap again on the running guest (`virsh blkdeviotune --live`), and see what QEMU says it
enforces (`query-block`). If the guest's requests are merged, raise `tolerance_percent` or cap bytes.
"""
origin = """
Seen with QEMU: virtio-blk counts each guest request and throttles the merged ones; disks with throttle
filters, and caps lost in a restart, look capped in a definition and are not.
"""
moment = 2026-11-05T12:10:00Z

[[parameters]]
name = "tolerance_percent"
unit = "percent"
default = 10
meaning = "a disk may be above its cap by this much, for requests that are merged and for one under way"

[[parameters]]
name = "window_seconds"
unit = "seconds"
default = 900
meaning = "the length of the buckets of time in which samples are compared; two samples at least must fall into each"

[given]
collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:05:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:10:00Z },
]

[[fail]]
name = "one operation more than the tolerance explains"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "guest-1-vdb", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-2", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-2", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", epoch = "1", read_ops = 7, write_ops = 7, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", epoch = "1", read_ops = 300007, write_ops = 30063, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
observed = "550"
expected = "500"
unit = "operations per second"
interval_start = 2026-11-05T11:55:00Z
reason = "Disk vda of web did up to 550 operations per second for a time, and its cap is 500: the cap is not enforced."

[[fail]]
name = "another threshold, reads alone, and requests that count as several by their bytes"
parameters = { tolerance_percent = 20 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_read_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 360061, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "2", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_write_iops = 500, cap_io_size = 4096 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "2", read_ops = 0, write_ops = 100, read_bytes = 0, write_bytes = 1474809856, cap_write_iops = 500, cap_io_size = 4096 },
]
[[fail.expect]]
resource_id = "guest-1/vda"
reason = "Disk vda of guest-1 did up to 600 read operations per second for a time, and its cap is 500: the cap is not enforced."
[[fail.expect]]
resource_id = "guest-1/vdb"
reason = "Disk vdb of guest-1 did up to 600 write operations per second for a time, and its cap is 500: the cap is not enforced."

[[fail]]
name = "bytes, in total, read and written"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_bps = 5000000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 2, write_ops = 0, read_bytes = 3000000000, write_bytes = 300550001, cap_total_bps = 5000000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "2", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_read_bps = 5000000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "2", read_ops = 2, write_ops = 0, read_bytes = 3300550001, write_bytes = 0, cap_read_bps = 5000000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vdc", state = "ok", epoch = "3", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_write_bps = 5000000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdc", state = "ok", epoch = "3", read_ops = 2, write_ops = 0, read_bytes = 0, write_bytes = 3300550001, cap_write_bps = 5000000 },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "5500916"
unit = "bytes per second"
reason = "Disk vda of guest-1 did up to 5500916 bytes per second for a time, and its cap is 5000000: the cap is not enforced."
[[fail.expect]]
resource_id = "guest-1/vdb"
observed = "5500916"
unit = "bytes per second"
reason = "Disk vdb of guest-1 did up to 5500916 bytes read per second for a time, and its cap is 5000000: the cap is not enforced."
[[fail.expect]]
resource_id = "guest-1/vdc"
observed = "5500916"
unit = "bytes per second"
reason = "Disk vdc of guest-1 did up to 5500916 bytes written per second for a time, and its cap is 5000000: the cap is not enforced."

[[fail]]
name = "a source that reports rates"
given.disk_io_stat = [
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:05:00Z, window_start = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 165030, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, window_start = 2026-11-05T12:05:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 165030, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "550"

[[fail]]
name = "over a period: two buckets that follow each other are one interval, others stand apart, and a cap that changes is judged by what it was"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T13:00:00Z
parameters = { window_seconds = 600 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:09:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 270000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 300000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:19:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 624000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:20:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 660000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:29:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 1038000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:30:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 1038000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:39:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 1041000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:40:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 1041000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:44:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 1500000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:49:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 2000000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 2000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:50:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 2000000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 2324000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "700"
interval_start = 2026-11-05T12:10:00Z
interval_end = 2026-11-05T12:30:00Z
reason = "Disk vda of guest-1 did up to 700 operations per second for a time, and its cap is 500: the cap is not enforced."
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "600"
interval_start = 2026-11-05T12:50:00Z
interval_end = 2026-11-05T13:00:00Z

[[fail]]
name = "disks are moved to other volumes, whose they are from their first sample there"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T12:30:00Z
parameters = { window_seconds = 600 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-2", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-d" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:09:00Z, vm_id = "guest-2", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 324000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-d" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-2", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 360000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-c" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:19:00Z, vm_id = "guest-2", device = "vda", state = "ok", epoch = "guest-2-vda", read_ops = 684000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-c" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:09:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 324000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 360000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:19:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 684000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-b" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:20:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 720000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-b" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:29:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "guest-1-vda", read_ops = 1044000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, volume_id = "vol-b" },
]
[[fail.expect]]
resource_id = "guest-1/vda"
volume_id = "vol-a"
interval_start = 2026-11-05T12:00:00Z
interval_end = 2026-11-05T12:10:00Z
[[fail.expect]]
resource_id = "guest-1/vda"
volume_id = "vol-b"
interval_start = 2026-11-05T12:10:00Z
interval_end = 2026-11-05T12:30:00Z
[[fail.expect]]
resource_id = "guest-2/vda"
volume_id = "vol-d"
interval_start = 2026-11-05T12:00:00Z
[[fail.expect]]
resource_id = "guest-2/vda"
volume_id = "vol-c"
interval_start = 2026-11-05T12:10:00Z

[[pass]]
name = "as much as the tolerance explains, a burst, and a disk that nobody capped"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 330055, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "2", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, cap_total_iops_burst = 2000, cap_total_iops_burst_seconds = 60 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "2", read_ops = 420000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500, cap_total_iops_burst = 2000, cap_total_iops_burst_seconds = 60 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vdc", state = "ok", epoch = "3", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdc", state = "ok", epoch = "3", read_ops = 9000000, write_ops = 0, read_bytes = 0, write_bytes = 0 },
]

[[pass]]
name = "a cap that was set between the samples, one sample alone, and counters that fell"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 0, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 5000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:05:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 900000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", epoch = "1", read_ops = 900000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdb", state = "ok", epoch = "2", read_ops = 9000000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vdc", state = "ok", epoch = "3", read_ops = 9000000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vdc", state = "ok", epoch = "3", read_ops = 1000, write_ops = 0, read_bytes = 0, write_bytes = 0, cap_total_iops = 500 },
]
*/

WITH
-- one row per capped disk and bucket of time, with a cap that did not hold
above AS (
    SELECT
        cap.vm_id,
        cap.device,
        cap.vm,
        cap.volume_id,
        cap.account_id,
        done.bucket,
        done.bucket_start,
        done.bucket_end,
        done.elapsed_us,
        broken_cap_of(done, cap, $tolerance_percent) AS broken
    FROM watched_cap AS cap
    JOIN observed_of('watched_cap', $window_seconds, $period_start, $period_end) AS done
        ON cap.vm_id = done.vm_id
        AND cap.device = done.device
        AND cap.caps = done.caps
        AND cap.first_sampled_at <= done.last_sampled_at
        AND cap.last_sampled_at >= done.last_sampled_at
    WHERE broken IS NOT NULL
),

-- one row per such disk and bucket; buckets of one cap that follow each other have the same `run`
neighbouring AS (
    SELECT *, bucket - dense_rank() OVER (PARTITION BY vm_id, device, broken.what, broken.cap ORDER BY bucket) AS run
    FROM above
)

SELECT
    'violation' AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    max(broken.amount * 1000000 // elapsed_us)::VARCHAR AS observed,
    broken.cap::VARCHAR AS expected,
    broken.unit AS unit,
    format(
        'Disk {} of {} did up to {} {} per second for a time, and its cap is {}: the cap is not enforced.',
        device, vm, max(broken.amount * 1000000 // elapsed_us), broken.what, broken.cap
    ) AS reason,
    min(bucket_start) AS interval_start,
    max(bucket_end) AS interval_end
FROM neighbouring
GROUP BY vm_id, device, vm, volume_id, account_id, broken.what, broken.cap, broken.unit, run
