/*
code = "QOS107"
name = "bytes_below_minimum"
title = "A cap in bytes makes the guaranteed IOPS unreachable at the usual request size"
severity = "high"
what = """
A disk whose hypervisor cap in bytes per second lets fewer requests of the volume's usual size through
than the minimum that the storage enforces for the volume. The usual size is the bytes of the volume's
usage records of the last `days` divided by their operations, rounded down; a volume with fewer than
`operations` has none, and no finding. Of a period that is longer than that the records of all of it
count. Several disks on one volume share its minimum evenly, rounded down, as in metering; where the
storage counts large requests as several (`iops_unit_bytes`), the minimum is that of requests of the
usual size. The cap is the one in total, or reads and writes added up where both are set, or the lower
of the two; a cap on one direction alone does not compare (QOS105). Where the disk's caps could not be
read, QOS102 says so.
"""
why = """
The number of operations is right everywhere, in the offering, on the storage and on the host, and it
is billed. Yet with the requests that this guest makes, the bytes run out first: the guarantee can
never be reached.
"""
example = """
Volume `vol-a` guarantees 2000 IOPS. Its disk `vda` is capped at 50,000,000 bytes per second, and its
database reads 64 KiB at a time: 762 requests a second, and the disk waits.
"""
mend = """
Raise or remove the cap in bytes, so that it lets the guaranteed operations through at this size; or
sell the volume by throughput, with the minimum that fits.
"""
origin = """
Caps in operations and in bytes are separate fields of an offering, and nothing there multiplies one by
the size of a request. Users of cloud platforms meet it as a disk that is slow though it is far below
its IOPS.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "days"
unit = "days"
default = 7
meaning = "how far back usage records tell the usual size of requests"

[[parameters]]
name = "operations"
unit = "operations"
default = 1000
meaning = "how many operations there have to be in that time before their size is called usual"

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-shared", min_iops = 4001, min_enforced = true, attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-units", min_iops = 8000, min_enforced = true, iops_unit_bytes = 16384 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-wish", min_iops = 2000, min_enforced = false },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
]

[[fail]]
name = "the bytes are one short, by the reads and writes of all hours and disks of the volume"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 131071999 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 100, write_ops = 200, read_bytes = 6553600, write_bytes = 13107200 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-0", device = "vdb", read_ops = 300, write_ops = 400, read_bytes = 19660800, write_bytes = 26214400 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-b", vm_id = "guest-1", device = "vda", read_ops = 9000, read_bytes = 9000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "1999"
expected = "2000"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web is capped at 131071999 bytes/s, which is 1999 requests a second of the 65536 bytes that are usual on its volume vol-a, below the 2000 that the volume guarantees it."

[[fail]]
name = "reads and writes together are capped below the total and below half of a shared minimum"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_bps = 900000000, cap_read_bps = 1000000, cap_write_bps = 999000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_bps = 2000000 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-shared", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 1000000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1999"
expected = "2000"

[[fail]]
name = "the storage counts large requests as several, and one fewer gets through than it guarantees"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-units", cap_total_bps = 131071999 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-units", cap_total_bps = 131072000 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-units", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 65536000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1999"
expected = "2000"

[[fail]]
name = "requests of one byte, by usage in the first hour that counts"
parameters = { days = 1, operations = 10 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1999 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-04T13:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 10, read_bytes = 19 },
    { kind = "io", window_start = 2026-11-04T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 10, read_bytes = 999 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1999"

[[fail]]
name = "the cap falls with one run, and the minimum with another"
until = 2026-11-05T15:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:30:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:01:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-a", min_iops = 1000, min_enforced = true },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 2000000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000000 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T14:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 1000000 },
    { kind = "io", window_start = 2026-11-05T15:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 900000000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1000"
expected = "2000"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T13:30:00Z

[[fail]]
name = "of a period that is longer than the days, the usage of its first hour counts, and none before"
moment = 2026-11-05T13:00:00Z
until = 2026-11-07T13:00:00Z
parameters = { days = 1 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000000 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T13:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 1000000 },
    { kind = "io", window_start = 2026-11-05T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 1000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1000"
expected = "2000"

[[pass]]
name = "the bytes suffice, or the requests have none"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 131072000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-units", cap_total_bps = 1 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_bps = 1000000 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 100, write_ops = 200, read_bytes = 6553600, write_bytes = 13107200 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-0", device = "vdb", read_ops = 300, write_ops = 400, read_bytes = 19660800, write_bytes = 26214400 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-units", vm_id = "guest-1", device = "vda", write_ops = 2000, write_bytes = 1999 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-shared", vm_id = "guest-1", device = "vda", write_ops = 1000, write_bytes = 500999 },
]

[[pass]]
name = "one operation too few to tell a usual size, or usage that is too old, or not that of disks"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 500, write_ops = 499, read_bytes = 65536000 },
    { kind = "io", window_start = 2026-10-29T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 65536000 },
    { kind = "allocation", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", read_ops = 1000, read_bytes = 65536000 },
    { kind = "io", window_start = 2026-11-05T13:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 65536000 },
]

[[pass]]
name = "no cap, one on operations or on one direction of bytes, a guest that is off, and one whose caps are not known"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 10 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-a", cap_read_bps = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "off", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-5", device = "vda", state = "timeout", volume_id = "vol-a" },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, volume_id = "vol-a", vm_id = "guest-1", device = "vda", read_ops = 100, write_ops = 200, read_bytes = 6553600, write_bytes = 13107200 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-a", vm_id = "guest-0", device = "vdb", read_ops = 300, write_ops = 400, read_bytes = 19660800, write_bytes = 26214400 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-b", vm_id = "guest-1", device = "vda", read_ops = 9000, read_bytes = 9000 },
]

[[pass]]
name = "a minimum that the backend does not enforce, and a volume without an allocation"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-wish", cap_total_bps = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_bps = 1000 },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-wish", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 65536000 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, volume_id = "vol-elsewhere", vm_id = "guest-1", device = "vda", read_ops = 1000, read_bytes = 65536000 },
]
*/

WITH
-- one row per disk on a volume with an enforced minimum, and stretch of time in which its bytes are capped
capped_in_bytes AS (
    SELECT
        *,
        ceiling_of(cap_total_bps, cap_read_bps, cap_write_bps) AS ceiling_bps
    FROM disk_on_volume
    WHERE enforced AND ceiling_bps IS NOT NULL
),

-- one row per such volume that was used enough: the usual size of its requests
usual AS (
    SELECT
        volume_id,
        sum(read_bytes + write_bytes) // sum(read_ops + write_ops) AS request_bytes
    FROM usage_record
    SEMI JOIN capped_in_bytes USING (volume_id)
    WHERE
        kind = 'io'
        AND window_start >= least($period_start, $period_end - to_days($days))
        AND window_start < $period_end
    GROUP BY volume_id
    HAVING sum(read_ops + write_ops) >= $operations AND request_bytes > 0
),

-- one row per such disk and stretch of time: the requests of the usual size that get through, and that are guaranteed
compared AS (
    SELECT
        *,
        iops_of_bps(ceiling_bps, request_bytes) AS reachable_iops,
        iops_at_size(least_share_of(min_iops, attached_count), iops_unit_bytes, request_bytes) AS guaranteed_iops
    FROM capped_in_bytes
    JOIN usual USING (volume_id)
)

SELECT
    'violation' AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    reachable_iops::VARCHAR AS observed,
    guaranteed_iops::VARCHAR AS expected,
    'operations per second' AS unit,
    format(
        'Disk {} of {} is capped at {} bytes/s, which is {} requests a second of the {} bytes that are usual on its volume {}, below the {} that the volume guarantees it.',
        device, vm, ceiling_bps, reachable_iops, request_bytes, volume_id, guaranteed_iops
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM compared
WHERE coalesce(reachable_iops < guaranteed_iops, true)
