/*
code = "QOS401"
name = "attached_without_samples"
title = "A volume is attached to a guest, and nobody samples a disk on it"
severity = "high"
what = """
A volume that is set or sold and attached, but on which no hypervisor source lists a disk, though each of
them, if not retired, has completed or nearly completed (`partial`) a run that began after the volume was
told of. Attached is a volume on which the storage counts disks (`attached_count`); where it does not
count, one that was sold for a guest which runs, as other disks of it show. A guest that no source lists
may simply be stopped, so the volumes sold for it are no finding unless the storage counts a disk. If the
disk was detached since the storage was last read, the finding goes with its next reading.
"""
why = """
What the guest does on the volume is metered nowhere, so that its operations are free and none of the
rules that compare disk and storage looks at it.
"""
example = """
A LUN is handed straight to guest `web` as a PCI or SCSI device. The array counts it as attached and it
was sold with 2000 IOPS, but no counter of the hypervisor covers it. Or the disk is sampled, and no alias
maps its path to the volume: then QOS402 finds the disk.
"""
mend = """
See with `ioledger doctor --volumes` whether a disk that maps to nothing is the missing one, and map it.
If the guest runs on a host that is not read, add a source for it. If the volume is attached past the
hypervisor, read its operations from the storage, or sell it without what is metered by operation.
"""
origin = """
Asked when storage was first handed straight to guests: how are usage statistics gathered for such volumes?
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
]

[[fail]]
name = "the storage counts a disk, and the only source lists those of another volume"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", attached_count = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", attached_count = 1 },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "data-web", vm_id = "guest-1", account_id = "acme" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "no disk"
expected = "samples of its disk"
interval_start = 2026-11-05T12:02:00Z
reason = "Volume vol-a (data-web) is attached, as the storage counts its disks (1), and no hypervisor source lists one: what is done on it is not metered."

[[fail]]
name = "the volume was sold for a guest, of which another disk is sampled"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "data-web", vm_id = "guest-1", account_id = "acme" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "ok" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
reason = "Volume vol-a (data-web) was sold for guest web, which runs, and no hypervisor source lists a disk on it: what is done on it is not metered."

[[fail]]
name = "the volume has been told of again since the last run, as it was two hours before"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T10:05:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:03:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:06:00Z },
    { source = "kvm-2", run_id = "2", kind = "hypervisor", status = "failed", started_at = 2026-11-05T12:04:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T10:05:00Z, volume_id = "vol-a", attached_count = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T10:05:00Z, volume_id = "vol-b" },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:03:00Z, volume_id = "vol-a", attached_count = 2 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:03:00Z, volume_id = "vol-b", attached_count = 2 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
reason = "Volume vol-a is attached, as the storage counts its disks (2), and no hypervisor source lists one: what is done on it is not metered."

[[fail]]
name = "over a period: an attached volume is no longer listed and later is again, another is told of, a third let go"
moment = 2026-11-05T12:03:00Z
until = 2026-11-05T16:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:00:00Z, ended_at = 2026-11-05T13:01:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:10:00Z, ended_at = 2026-11-05T13:11:00Z },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:10:00Z, ended_at = 2026-11-05T14:11:00Z },
    { source = "kvm", run_id = "5", kind = "hypervisor", status = "ok", started_at = 2026-11-05T15:00:00Z, ended_at = 2026-11-05T15:01:00Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm-2", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:20:00Z, ended_at = 2026-11-05T13:21:00Z },
    { source = "kvm-2", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:05:00Z, ended_at = 2026-11-05T14:06:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", attached_count = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", attached_count = 1 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", attached_count = 1 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", attached_count = 1 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-c" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "5", sampled_at = 2026-11-05T15:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
interval_start = 2026-11-05T13:21:00Z
interval_end = 2026-11-05T15:00:00Z
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
interval_start = 2026-11-05T14:11:00Z
interval_end = 2026-11-05T16:00:00Z
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-c"
interval_start = 2026-11-05T12:03:00Z
interval_end = 2026-11-05T14:00:00Z

[[fail]]
name = "over a period: the guest for which the volume was sold starts and stops"
moment = 2026-11-05T12:30:00Z
until = 2026-11-05T16:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:20:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:00:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", vm_id = "guest-1" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:00:00Z, vm_id = "guest-1", device = "vda", state = "ok" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T14:00:00Z

[[pass]]
name = "disks are sampled, nothing is attached, the guest is stopped or not listed, and the storage counts none"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", attached_count = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", attached_count = 0 },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", vm_id = "guest-1" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-d", vm_id = "guest-2" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-e", vm_id = "guest-3" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-f" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", device = "vda", state = "off" },
]

[[pass]]
name = "a source has not completed a run since the volume was told of, nor in the two hours before"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T09:30:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:01Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:00:00Z },
    { source = "kvm-2", run_id = "2", kind = "hypervisor", status = "failed", started_at = 2026-11-05T12:03:00Z },
    { source = "kvm-2", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:04:00Z, ended_at = 2026-11-05T12:05:01Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T09:30:00Z, volume_id = "vol-a", attached_count = 1 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:02:00Z, volume_id = "vol-a", attached_count = 1 },
]

[[pass]]
name = "a source has begun no run since, or with it"
given.collection_run = [
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:01Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:02:00Z, volume_id = "vol-a", attached_count = 1 },
]

[[pass]]
name = "no hypervisor is read"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", attached_count = 1 },
]
*/

WITH
-- one row per volume and stretch of time without a disk on it
unsampled AS (
    SELECT
        volume_id,
        stretch,
        volume,
        sold_vm_id,
        account_id,
        attached_count,
        valid_from,
        valid_to
    FROM volume_state
    ANTI JOIN disk_state USING (volume_id, stretch)
),

-- one row per such stretch in which it is attached, and why it counts as that
attached AS (
    SELECT
        *,
        valid_from AS attached_from,
        valid_to AS attached_to,
        format('Volume {} is attached, as the storage counts its disks ({}), and no hypervisor source lists one', volume, attached_count) AS told
    FROM unsampled
    WHERE attached_count > 0
    UNION ALL
    SELECT
        unsampled.*,
        greatest(unsampled.valid_from, disk.valid_from) AS attached_from,
        least(unsampled.valid_to, disk.valid_to) AS attached_to,
        format('Volume {} was sold for guest {}, which runs, and no hypervisor source lists a disk on it', volume, disk.vm) AS told
    FROM unsampled
    JOIN disk_state AS disk
        ON unsampled.sold_vm_id = disk.vm_id
    WHERE
        unsampled.attached_count IS NULL
        AND disk.state = 'ok'
),

-- one row per such volume, and since when it was told of as attached, two hours before the period at most
told_before AS (
    SELECT volume_id, min(observed_at) AS told_at
    FROM attached_between($period_start - to_hours(2), $period_start)
    SEMI JOIN attached USING (volume_id)
    GROUP BY volume_id
),

-- one row per such stretch, and from when on the volume was told of: of what held when the period began that
-- may be before its last reading
told AS (
    SELECT attached.*, least(attached.valid_from, told_before.told_at) AS told_at
    FROM attached
    LEFT JOIN told_before
        ON attached.volume_id = told_before.volume_id
        AND attached.stretch = 0
),

-- one row per run that lists all disks
run AS (
    SELECT source, started_at, ended_at
    FROM collection_run
    WHERE status <> 'failed'
),

-- one row per time at which volumes were told of and hypervisor source that is waited for
awaited AS (
    SELECT told.told_at, source.source, source.expected_until
    FROM (SELECT DISTINCT told_at FROM told) AS told
    CROSS JOIN expected_source AS source
    WHERE source.kind = 'hypervisor'
),

-- one row per such time, and when each of the sources had completed a run since
asked AS (
    SELECT awaited.told_at, max(coalesce(run.ended_at, awaited.expected_until)) AS asked_at
    FROM awaited
    ASOF LEFT JOIN run
        ON awaited.source = run.source AND awaited.told_at < run.started_at
    GROUP BY awaited.told_at
)

SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    'no disk' AS observed,
    'samples of its disk' AS expected,
    NULL::VARCHAR AS unit,
    told.told || ': what is done on it is not metered.' AS reason,
    greatest(told.attached_from, asked.asked_at) AS interval_start,
    told.attached_to AS interval_end
FROM told
JOIN asked USING (told_at)
