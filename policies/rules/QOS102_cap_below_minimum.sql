/*
code = "QOS102"
name = "cap_below_minimum"
title = "A cap is below the minimum that the storage guarantees"
severity = "critical"
what = """
A disk whose hypervisor cap lets fewer operations per second through than the minimum that the
storage enforces for its volume. Several disks on one volume share its minimum evenly, rounded
down, as in metering. The cap is the one in total, or reads and writes added up where both are set, or
the lower of the two where a disk has both kinds, for then the lower one holds (bills go by the total);
a cap on one direction alone does not compare. The finding is `unknown` where the disk's caps could
not be read.
"""
why = """
The storage reserves the minimum and it is billed, but the hypervisor never lets that many
operations through: the customer pays for what can never be reached.
"""
example = """
Volume `vol-a` has an enforced minimum of 2000 IOPS. Its disk `vda` is capped at 500 reads and 500
writes per second: the guest gets 1000 IOPS at most.
"""
mend = """
Raise or remove the hypervisor's cap, or lower the minimum on the storage together with what is
sold. For an `unknown` finding, see first why the guest does not answer.
"""
origin = """
When throttling and provisioned IOPS were first brought together, the worry was that a customer is
led to believe in, and billed for, more IOPS than can be delivered. A cap below the minimum makes
that certain.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-shared", min_iops = 2001, min_enforced = true, attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-detached", min_iops = 2000, min_enforced = true, attached_count = 0 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-wish", min_iops = 2000, min_enforced = false },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "reads and writes together are capped below the minimum"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 500, cap_write_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "1000"
expected = "2000"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web is capped at 1000 IOPS, below the 2000 IOPS that volume vol-a guarantees it."

[[fail]]
name = "a disk is capped below its half of a shared minimum, before the allocation was read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_iops = 999 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-shared", cap_total_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "999"
expected = "1000"
interval_start = 2026-11-05T12:00:00Z
reason = "Disk vda of guest-1 is capped at 999 IOPS, below the 1000 IOPS that volume vol-shared guarantees it."

[[fail]]
name = "a volume that the storage believes detached owes its whole minimum to the disk that is there"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-detached", cap_total_iops = 1999 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "2000"

[[fail]]
name = "the caps could not be read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "timeout", volume_id = "vol-wish" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
expected = "2000"
reason = "Volume vol-a guarantees disk vda of web 2000 IOPS, and the disk's caps could not be read (state timeout)."

[[fail]]
name = "reads and writes together are capped below the minimum, and the total above it"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 3000, cap_read_iops = 1000, cap_write_iops = 999 },
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
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:01:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:01:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-a", min_iops = 1000, min_enforced = true },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 999 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "2000"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T13:30:00Z
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "1000"
interval_start = 2026-11-05T14:01:00Z
interval_end = 2026-11-05T15:00:00Z

[[pass]]
name = "the cap equals the minimum"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000 },
]

[[pass]]
name = "no cap on operations, one direction alone, and a guest that is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
]

[[pass]]
name = "a minimum that the backend does not enforce, and a volume without an allocation"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-wish", cap_total_iops = 100 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops = 100 },
]
*/

WITH
-- one row per disk on a volume with an enforced minimum and stretch of time: its share of that, and its ceiling
guaranteed AS (
    SELECT
        *,
        least_share_of(min_iops, attached_count) AS guaranteed_iops,
        ceiling_of(cap_total_iops, cap_read_iops, cap_write_iops) AS ceiling_iops
    FROM disk_on_volume
    WHERE enforced
)

SELECT
    CASE WHEN capped IS NULL THEN 'unknown' ELSE 'violation' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    ceiling_iops::VARCHAR AS observed,
    guaranteed_iops::VARCHAR AS expected,
    'operations per second' AS unit,
    CASE
        WHEN capped IS NULL THEN format(
            'Volume {} guarantees disk {} of {} {} IOPS, and the disk''s caps could not be read (state {}).',
            volume_id, device, vm, guaranteed_iops, state
        )
        ELSE format(
            'Disk {} of {} is capped at {} IOPS, below the {} IOPS that volume {} guarantees it.',
            device, vm, ceiling_iops, guaranteed_iops, volume_id
        )
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM guaranteed
WHERE
    capped IS NULL
    OR ceiling_iops < guaranteed_iops
