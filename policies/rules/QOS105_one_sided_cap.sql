/*
code = "QOS105"
name = "one_sided_cap"
title = "Only reads or only writes are capped on a provisioned volume"
severity = "medium"
what = """
A disk of which the hypervisor caps reads alone or writes alone, in operations or in bytes, and has no
cap in total, although its volume has a minimum, a maximum or a burst set on the storage. The finding
is `unknown` where the disk's caps could not be read, and where the allocation of a volume capped so
is older than its age limit.
"""
why = """
The storage counts reads and writes together. A cap on one direction neither lies above nor below its
minimum and maximum, so no other rule can compare the two: what the guest gets depends on its mix of
reads and writes, and nobody can say what can be delivered.
"""
example = """
Volume `vol-a` is provisioned with 2000 to 4000 IOPS. Its disk `vda` is capped at 500 writes per
second: a guest that writes gets a quarter of its minimum, one that reads the whole maximum.
"""
mend = """
Remove the cap, or cap both directions or the total, so that it compares with what the volume is set
to. For an `unknown` finding, see first why the guest does not answer, or why the storage is no
longer read.
"""
origin = """
When throttling and provisioned IOPS were first brought together, reviewers wanted reads and writes
capped apart, and the array knew a total only: compare like with like.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, max_iops = 4000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-plain" },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "only writes are capped in operations, whatever is capped in bytes"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_write_iops = 500, cap_total_bps = 1000000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "a cap on writes alone, at 500 IOPS"
expected = "a cap on reads and writes, or none"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web is capped in writes alone, at 500 IOPS, although its volume vol-a is provisioned for reads and writes together: the two do not compare."

[[fail]]
name = "only reads are capped in bytes, before the allocation was read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_read_bps = 50000000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "a cap on reads alone, at 50000000 bytes/s"
interval_start = 2026-11-05T12:00:00Z

[[fail]]
name = "the caps could not be read, and the volume is provisioned"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "timeout", volume_id = "vol-plain" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "caps not read"
reason = "The caps of disk vda of web could not be read (state timeout), and its volume vol-a is provisioned."

[[fail]]
name = "one direction is capped and the allocation of its volume is too old, unlike one that another array took over"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array-2", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-06T11:58:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-moved", min_iops = 2000 },
    { source = "array-2", run_id = "1", observed_at = 2026-11-06T11:58:00Z, volume_id = "vol-moved" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-moved", cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_read_iops = 500 },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "a cap on reads alone, at 500 IOPS"
interval_start = 2026-11-06T12:00:00Z
reason = "Disk vda of web is capped in reads alone, at 500 IOPS, and the allocation of its volume vol-a was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[fail]]
name = "the cap on writes comes with one run, and the storage lets go of the volume with another"
until = 2026-11-05T15:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:30:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:01:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:01:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-a", size_bytes = 1073741824 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 500 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_write_iops = 500 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_write_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "a cap on writes alone, at 500 IOPS"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T13:30:00Z

[[pass]]
name = "both directions are capped, or the total, or one direction below a total"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 500, cap_write_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 500, cap_read_bps = 300 },
]

[[pass]]
name = "one direction on a volume that is not provisioned, or of which nobody tells, and a guest that is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-plain", cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_write_bps = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
]
*/

WITH
-- one row per disk and stretch of time: the direction that alone is capped, in words, if there is one
side AS (
    SELECT
        *,
        CASE
            WHEN is_one_sided(cap_total_iops, cap_read_iops, cap_write_iops) THEN coalesce(
                'reads alone, at ' || cap_read_iops || ' IOPS', 'writes alone, at ' || cap_write_iops || ' IOPS'
            )
            WHEN is_one_sided(cap_total_bps, cap_read_bps, cap_write_bps) THEN coalesce(
                'reads alone, at ' || cap_read_bps || ' bytes/s', 'writes alone, at ' || cap_write_bps || ' bytes/s'
            )
        END AS capped_side
    FROM disk_on_volume
),

-- one row per disk whose cap does not compare with its volume, or of which nobody can tell
problem AS (
    SELECT
        *,
        CASE
            WHEN provisioned AND capped IS NULL THEN 'caps not read'
            WHEN provisioned AND capped_side IS NOT NULL THEN 'one side'
            WHEN capped_side IS NOT NULL AND expired_allocation_observed_at IS NOT NULL THEN 'allocation too old'
        END AS kind
    FROM side
    WHERE kind IS NOT NULL
)

SELECT
    CASE kind WHEN 'one side' THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    coalesce('a cap on ' || capped_side, kind) AS observed,
    'a cap on reads and writes, or none' AS expected,
    NULL::VARCHAR AS unit,
    CASE kind
        WHEN 'one side' THEN format(
            'Disk {} of {} is capped in {}, although its volume {} is provisioned for reads and writes together: the two do not compare.',
            device, vm, capped_side, volume_id
        )
        WHEN 'caps not read' THEN format(
            'The caps of disk {} of {} could not be read (state {}), and its volume {} is provisioned.',
            device, vm, state, volume_id
        )
        ELSE format(
            'Disk {} of {} is capped in {}, and the allocation of its volume {} was last read at {}, which is beyond its age limit.',
            device, vm, capped_side, volume_id, second_of(expired_allocation_observed_at)
        )
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
