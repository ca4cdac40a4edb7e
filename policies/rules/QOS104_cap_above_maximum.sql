/*
code = "QOS104"
name = "cap_above_maximum"
title = "A cap is above all that the storage allows"
severity = "medium"
what = """
A disk whose hypervisor cap lets more operations per second through than its volume may do, even in a
burst, or more bytes per second than the volume's maximum. Several disks on one volume share its
limits evenly, rounded up, as in metering. The cap is the one in total, or reads and writes added up
where both are set, or the lower of the two; a cap on one direction alone does not compare. A cap
between the volume's maximum and its burst is no such finding: it still limits bursts (QOS103). The
finding is `unknown` where the disk's caps could not be read, and where the allocation of a capped
disk's volume is older than its age limit.
"""
why = """
The storage stops the disk first. Whoever reads the cap, in the offering or on the host, believes in
more than the device delivers.
"""
example = """
Disk `vda` is capped at 3000 reads and 3000 writes per second. Its volume `vol-a` may do 4000 IOPS in
all: the guest never gets the 6000 that it can read off its offering.
"""
mend = """
Raise the maximum on the storage to what the cap promises, or lower the cap to what the storage
gives; best let one of the two limit the disk. For an `unknown` finding, see first why the guest does
not answer, or why the storage is no longer read.
"""
origin = """
Raised when throttling met provisioned IOPS: the array limits reads and writes together, the
hypervisor each apart, and a customer adds up what is written in the offering.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-burst", max_iops = 1000, burst_iops = 3000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-shared", max_iops = 2001, attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-bytes", max_bps = 100000001, attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-minimum", min_iops = 2000 },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "reads and writes together are capped above the maximum"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 2000, cap_write_iops = 2001 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "4001"
expected = "4000"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web is capped at 4001 IOPS, but its volume vol-a stops it at 4000 IOPS: it never gets what the cap promises."

[[fail]]
name = "a cap is above the burst too, and one is above half of what a volume shares, before that was read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-burst", cap_total_iops = 3001 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_iops = 1002 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_iops = 1001 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "3000"
interval_start = 2026-11-05T12:00:00Z
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
expected = "1001"

[[fail]]
name = "the cap is above half of the volume's throughput"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-bytes", cap_read_bps = 50000000, cap_write_bps = 2 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-bytes", cap_total_bps = 50000001 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "50000002"
expected = "50000001"
unit = "bytes per second"
reason = "Disk vda of guest-1 is capped at 50000002 bytes/s, but its volume vol-bytes stops it at 50000001 bytes/s: it never gets what the cap promises."

[[fail]]
name = "the caps could not be read, and the volume has a maximum"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "timeout", volume_id = "vol-minimum" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
unit = "operations per second"
reason = "The caps of disk vda of web could not be read (state timeout), and its volume vol-a has a maximum or a burst."

[[fail]]
name = "the disk is capped and the allocation of its volume is too old, unlike one that another array took over"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array-2", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-06T11:58:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-moved", max_iops = 4000 },
    { source = "array-2", run_id = "1", observed_at = 2026-11-06T11:58:00Z, volume_id = "vol-moved", max_iops = 1000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 4000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-moved", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-5", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000 },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
interval_start = 2026-11-06T12:00:00Z
reason = "Disk vda of web is capped, and the allocation of its volume vol-a was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."
[[fail.expect]]
status = "unknown"
resource_id = "guest-5/vda"

[[fail]]
name = "the cap rises with one run, and the maximum with another"
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
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-a", max_iops = 6000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 4000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 6000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 6001 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "4000"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T13:30:00Z
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "6000"
interval_start = 2026-11-05T14:01:00Z
interval_end = 2026-11-05T15:00:00Z

[[pass]]
name = "the cap equals the maximum, or lies between the maximum and the burst"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 4000, cap_total_iops_burst = 8000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-burst", cap_total_iops = 3000 },
]

[[pass]]
name = "no cap on operations, one direction alone, and a guest that is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000000000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 5000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
]

[[pass]]
name = "a volume without a maximum, and one without an allocation"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-minimum", cap_total_iops = 9000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops = 9000 },
]
*/

WITH
-- one row per disk and stretch of time: what its caps let through, and the most that its volume lets it have
reach AS (
    SELECT
        *,
        ceiling_of(cap_total_iops, cap_read_iops, cap_write_iops) AS ceiling_iops,
        ceiling_of(cap_total_bps, cap_read_bps, cap_write_bps) AS ceiling_bps,
        most_share_of(greatest(max_iops, burst_iops), attached_count) AS most_iops,
        most_share_of(max_bps, attached_count) AS most_bps
    FROM disk_on_volume
),

-- one row per disk whose volume stops it before its cap does, or of which nobody can tell
problem AS (
    SELECT
        *,
        CASE
            WHEN capped IS NULL AND coalesce(most_iops, most_bps) IS NOT NULL THEN 'caps not read'
            WHEN coalesce(ceiling_iops, ceiling_bps) IS NOT NULL AND expired_allocation_observed_at IS NOT NULL
                THEN 'allocation too old'
            WHEN ceiling_iops > most_iops THEN 'operations'
            WHEN ceiling_bps > most_bps THEN 'bytes'
        END AS kind
    FROM reach
    WHERE kind IS NOT NULL
)

SELECT
    CASE WHEN kind IN ('operations', 'bytes') THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    CASE kind WHEN 'operations' THEN ceiling_iops WHEN 'bytes' THEN ceiling_bps END::VARCHAR AS observed,
    CASE kind WHEN 'operations' THEN most_iops WHEN 'bytes' THEN most_bps END::VARCHAR AS expected,
    CASE kind WHEN 'bytes' THEN 'bytes per second' ELSE 'operations per second' END AS unit,
    CASE kind
        WHEN 'operations' THEN format(
            'Disk {} of {} is capped at {} IOPS, but its volume {} stops it at {} IOPS: it never gets what the cap promises.',
            device, vm, ceiling_iops, volume_id, most_iops
        )
        WHEN 'bytes' THEN format(
            'Disk {} of {} is capped at {} bytes/s, but its volume {} stops it at {} bytes/s: it never gets what the cap promises.',
            device, vm, ceiling_bps, volume_id, most_bps
        )
        WHEN 'caps not read' THEN format(
            'The caps of disk {} of {} could not be read (state {}), and its volume {} has a maximum or a burst.',
            device, vm, state, volume_id
        )
        ELSE format(
            'Disk {} of {} is capped, and the allocation of its volume {} was last read at {}, which is beyond its age limit.',
            device, vm, volume_id, second_of(expired_allocation_observed_at)
        )
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
