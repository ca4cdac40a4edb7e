/*
code = "QOS303"
name = "shared_volume"
title = "One volume is under several disks"
severity = "high"
what = """
A volume that several disks of guests which are not off use at once, as the hypervisors see it, or on
which the storage counts several (`attached_count`). A guest that is seen on two hosts, as during a live
migration, is one guest. The finding is `unknown` where the disks have not been seen at the same time:
the volume may have been moved from one guest to another since the first was last read.
"""
why = """
The storage keeps minimum and maximum for the volume, not for its disks. Which of them gets how much is
up to whichever asks first, so nothing can be guaranteed to any; metering can only split the limits
evenly. And where nobody meant the disks to share, they overwrite each other's data.
"""
example = """
Volume `vol-a` has a minimum of 2000 IOPS. It is the data disk `vdb` of both nodes of a database
cluster, and while one of them reads its backup the other gets next to nothing.
"""
mend = """
Give each disk a volume of its own. Where guests share a volume on purpose, sell it without a minimum,
or exempt it. For an `unknown` finding, read the hypervisors again.
"""
origin = """
Storage arrays limit a volume however many hosts and guests use it, and platforms sell the limits with
each disk.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", attached_count = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b" },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", volume_name = "data-web", vm_id = "guest-1", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "two guests use the volume, read in one run, the one after the other"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:01Z, vm_id = "guest-2", device = "vdb", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
volume_id = "vol-a"
account_id = "acme"
observed = "2"
expected = "1"
unit = "disks"
interval_start = 2026-11-05T12:01:01Z
reason = "Volume vol-a (data-web) is under 2 disks (vda of web, vdb of guest-2): none of them has a guarantee."

[[fail]]
name = "two disks of one guest"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-b" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
reason = "Volume vol-b is under 2 disks (vda of guest-1, vdb of guest-1): none of them has a guarantee."

[[fail]]
name = "two guests on two hosts, of which one was there when the other was read last; a third is not read any more"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm-0", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
]
given.entitlement = []
given.provisioned_iops = []
given.disk_io_stat = [
    { source = "kvm-0", run_id = "1", sampled_at = 2026-11-05T11:00:00Z, vm_id = "guest-0", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm-2", run_id = "1", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a" },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "3"

[[fail]]
name = "the storage counts two disks, of which one is seen, or more than are seen"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", attached_count = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", attached_count = 3 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "2"
reason = "Volume vol-a (data-web) is under 2 disks, as the storage counts them: none of them has a guarantee."
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
observed = "3"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-b is under 3 disks, as the storage counts them (seen are vda of guest-2, vda of guest-3): none of them has a guarantee."

[[fail]]
name = "the second guest was first seen after the first was last read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm-2", run_id = "1", sampled_at = 2026-11-05T12:01:02Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a" },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
observed = "2"
reason = "Volume vol-a (data-web) was last read under 2 disks (vda of guest-1, vda of guest-2), but never under two at a time: it may have been moved."

[[fail]]
name = "over a period: a second guest uses the volume for a while, and a third is off"
moment = 2026-11-05T12:00:30Z
until = 2026-11-05T12:10:00Z
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:03:00Z },
]
given.entitlement = []
given.provisioned_iops = []
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "4", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
    { source = "kvm", run_id = "4", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
observed = "2"
interval_start = 2026-11-05T12:01:00Z
interval_end = 2026-11-05T12:03:00Z

[[pass]]
name = "each volume is under one disk, and disks without a volume"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", state = "ok", volume_id = "vol-b" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok" },
]

[[pass]]
name = "a guest is on two hosts while it migrates"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", epoch = "1" },
    { source = "kvm-2", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", epoch = "2" },
]

[[pass]]
name = "the other guest is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "off", volume_id = "vol-a" },
]
*/

WITH
-- one row per volume and stretch of time in which it is under several disks of guests that are not off
shared AS (
    SELECT volume_id, stretch
    FROM disk_state
    WHERE state <> 'off'
    GROUP BY volume_id, stretch
    HAVING min(hash(vm_id, device)) <> max(hash(vm_id, device))
),

-- one row per disk of those: a guest on two hosts is one
disk AS (
    SELECT
        volume_id,
        stretch,
        vm_id,
        device,
        concat(device, ' of ', max(vm)) AS name,
        min(first_sampled_at) AS first_sampled_at,
        max(last_sampled_at) AS last_sampled_at,
        arg_max((source, last_run_id), last_sampled_at) AS run,
        max(valid_from) AS valid_from,
        min(valid_to) AS valid_to
    FROM disk_state
    SEMI JOIN shared USING (volume_id, stretch)
    WHERE state <> 'off'
    GROUP BY volume_id, stretch, vm_id, device
),

-- one row per such disk; `beside`: it has been sighted on its volume at the same time as another
seen AS (
    SELECT
        *,
        (
            first_sampled_at <= max(last_sampled_at) OVER earlier
            OR count(*) OVER (PARTITION BY volume_id, stretch, run) > 1
        ) AS beside
    FROM disk
    WINDOW earlier AS (
        PARTITION BY volume_id, stretch
        ORDER BY first_sampled_at, vm_id, device
        ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW
    )
),

-- one row per such volume and stretch of time, with all of its disks
used AS (
    SELECT
        volume_id,
        stretch,
        count(*) AS disks,
        coalesce(bool_or(beside), false) AS together,
        string_agg(name, ', ' ORDER BY name, vm_id) AS names,
        max(valid_from) AS valid_from,
        min(valid_to) AS valid_to
    FROM seen
    GROUP BY volume_id, stretch
),

-- one row per volume and stretch of time in which the storage counts several disks
counted AS (
    SELECT volume_id, stretch, attached_count
    FROM volume_state
    WHERE attached_count > 1
),

-- one row per volume and stretch of time in which it is shared, by either, or may be
problem AS (
    SELECT
        volume_id,
        coalesce(state.volume, volume_id) AS volume,
        state.account_id,
        used.names,
        counted.volume_id IS NOT NULL AS is_counted,
        is_counted OR used.together AS is_shared,
        greatest(used.disks, counted.attached_count) AS disks,
        greatest(used.valid_from, state.valid_from) AS valid_from,
        coalesce(used.valid_to, state.valid_to) AS valid_to
    FROM used
    FULL JOIN counted USING (volume_id, stretch)
    LEFT JOIN volume_state AS state USING (volume_id, stretch)
)

SELECT
    CASE WHEN is_shared THEN 'violation' ELSE 'unknown' END AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    NULL::VARCHAR AS vm_id,
    volume_id,
    account_id,
    disks::VARCHAR AS observed,
    '1' AS expected,
    'disks' AS unit,
    CASE
        WHEN is_counted THEN format(
            'Volume {} is under {} disks, as the storage counts them{}: none of them has a guarantee.',
            volume, disks, coalesce(' (seen are ' || names || ')', '')
        )
        WHEN is_shared THEN format(
            'Volume {} is under {} disks ({}): none of them has a guarantee.',
            volume, disks, names
        )
        ELSE format(
            'Volume {} was last read under {} disks ({}), but never under two at a time: it may have been moved.',
            volume, disks, names
        )
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
