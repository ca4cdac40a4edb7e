/*
code = "QOS103"
name = "cap_below_maximum"
title = "A cap is below the maximum or the burst that the storage allows"
severity = "high"
what = """
A disk whose hypervisor cap lets fewer operations or bytes per second through than the maximum of
its volume or, in a burst, fewer operations than the volume's burst. Several disks on one volume
share all three evenly, rounded up, as in metering. The cap is the one in total, or reads and writes
added up where both are set, or the lower of the two; a cap on one direction alone does not compare.
A cap without a burst holds in bursts too. The finding is `unknown` where the disk's caps could not be
read, and where the allocation of a capped disk's volume is older than its age limit.
"""
why = """
The customer pays for headroom above the minimum, and the hypervisor keeps it out of reach. Nothing
on the storage shows it: there the volume merely never gets busy.
"""
example = """
Volume `vol-a` may use up to 4000 IOPS. Its disk `vda` still has the 1000 IOPS cap of a smaller
offering.
"""
mend = """
Raise or remove the hypervisor's cap, and give it a burst where the volume has one; or lower maximum
and burst on the storage together with what is sold. For an `unknown` finding, see first why the
guest does not answer, or why the storage is no longer read.
"""
origin = """
Caps of the hypervisor and limits of the array were brought to one cloud platform separately, each
with fields of its own in an offering; nothing there compares the two numbers.
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
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-shared", max_iops = 2001, burst_iops = 4001, attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-minimum", min_iops = 2000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-bytes", max_bps = 100000001, attached_count = 2 },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "reads and writes together are capped below the maximum, whatever they may do in a burst"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 2000, cap_write_iops = 1999, cap_read_iops_burst = 9000, cap_write_iops_burst = 9000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "3999"
expected = "4000"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web is capped at 3999 IOPS, below the 4000 IOPS that its volume vol-a lets it have."

[[fail]]
name = "the cap leaves the maximum alone and has no burst, or a lower one"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-burst", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-burst", cap_read_iops = 1000, cap_write_iops = 1000, cap_read_iops_burst = 1999 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1000"
expected = "3000"
reason = "Disk vda of guest-1 is capped at 1000 IOPS in a burst, below the 3000 IOPS to which its volume vol-burst lets it burst."
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
observed = "2999"

[[fail]]
name = "a disk is capped below its half of what a volume shares, before the allocation was read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_iops = 1000, cap_total_iops_burst = 2001 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_iops = 1001, cap_total_iops_burst = 2000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_iops = 1001, cap_total_iops_burst = 2001 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "1001"
interval_start = 2026-11-05T12:00:00Z
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
expected = "2001"

[[fail]]
name = "reads and writes together are capped below half of the volume's throughput"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-bytes", cap_read_bps = 50000000, cap_write_bps = 0 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-bytes", cap_total_bps = 50000001 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "50000000"
expected = "50000001"
unit = "bytes per second"
reason = "Disk vda of guest-1 is capped at 50000000 bytes/s, below the 50000001 bytes/s that its volume vol-bytes lets it have."

[[fail]]
name = "the caps could not be read, and the volume has a maximum"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "timeout", volume_id = "vol-minimum" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
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
name = "the cap falls with one run, and the maximum with another"
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
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-a", max_iops = 1000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 4000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 999 },
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
expected = "1000"
interval_start = 2026-11-05T14:01:00Z
interval_end = 2026-11-05T15:00:00Z

[[pass]]
name = "the cap equals the maximum, and its burst the burst"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 4000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-burst", cap_read_iops = 500, cap_write_iops = 500, cap_read_iops_burst = 1000, cap_write_iops_burst = 2000 },
]

[[pass]]
name = "no cap on operations, one direction alone, and a guest that is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
]

[[pass]]
name = "a volume without a maximum, and one without an allocation"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-minimum", cap_total_iops = 100 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops = 100 },
]
*/

WITH
-- one row per disk and stretch of time: what its caps let through, and what it may have of its volume
headroom AS (
    SELECT
        *,
        ceiling_of(cap_total_iops, cap_read_iops, cap_write_iops) AS ceiling_iops,
        ceiling_of(
            burst_rate_of(cap_total_iops, cap_total_iops_burst),
            burst_rate_of(cap_read_iops, cap_read_iops_burst),
            burst_rate_of(cap_write_iops, cap_write_iops_burst)
        ) AS burst_ceiling_iops,
        ceiling_of(cap_total_bps, cap_read_bps, cap_write_bps) AS ceiling_bps,
        most_share_of(max_iops, attached_count) AS max_share_iops,
        most_share_of(burst_iops, attached_count) AS burst_share_iops,
        most_share_of(max_bps, attached_count) AS max_share_bps
    FROM disk_on_volume
),

-- one row per disk that cannot have what its volume allows, or of which nobody can tell
problem AS (
    SELECT
        *,
        CASE
            WHEN capped IS NULL AND coalesce(max_iops, burst_iops, max_bps) IS NOT NULL THEN 'caps not read'
            WHEN coalesce(ceiling_iops, ceiling_bps) IS NOT NULL AND expired_allocation_observed_at IS NOT NULL
                THEN 'allocation too old'
            WHEN ceiling_iops < max_share_iops THEN 'operations'
            WHEN burst_ceiling_iops < burst_share_iops THEN 'burst'
            WHEN ceiling_bps < max_share_bps THEN 'bytes'
        END AS kind
    FROM headroom
    WHERE kind IS NOT NULL
)

SELECT
    CASE WHEN kind IN ('operations', 'burst', 'bytes') THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    CASE kind
        WHEN 'operations' THEN ceiling_iops
        WHEN 'burst' THEN burst_ceiling_iops
        WHEN 'bytes' THEN ceiling_bps
    END::VARCHAR AS observed,
    CASE kind
        WHEN 'operations' THEN max_share_iops
        WHEN 'burst' THEN burst_share_iops
        WHEN 'bytes' THEN max_share_bps
    END::VARCHAR AS expected,
    CASE kind WHEN 'bytes' THEN 'bytes per second' ELSE 'operations per second' END AS unit,
    CASE kind
        WHEN 'operations' THEN format(
            'Disk {} of {} is capped at {} IOPS, below the {} IOPS that its volume {} lets it have.',
            device, vm, ceiling_iops, max_share_iops, volume_id
        )
        WHEN 'burst' THEN format(
            'Disk {} of {} is capped at {} IOPS in a burst, below the {} IOPS to which its volume {} lets it burst.',
            device, vm, burst_ceiling_iops, burst_share_iops, volume_id
        )
        WHEN 'bytes' THEN format(
            'Disk {} of {} is capped at {} bytes/s, below the {} bytes/s that its volume {} lets it have.',
            device, vm, ceiling_bps, max_share_bps, volume_id
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
