/*
code = "QOS503"
name = "volume_without_guest"
title = "A volume has been without a guest for days"
severity = "low"
what = """
A volume that is allocated or sold, on which hypervisors see no disk and the storage counts none, and of which
usage records tell no disk for `days` days, although they tell that long that it was there. A volume that the storage
counts as attached and nobody samples is QOS401's. Without usage records (`ioledger usage build`) there is nothing to
judge by.
"""
why = """
Its capacity is held and its guaranteed operations are reserved, and are billed, for nobody. Often a guest was
deleted and its data disk forgotten.
"""
example = """
Volume `vol-a` was detached when its guest was deleted two weeks ago. The storage still reserves 2000 IOPS for it.
"""
mend = """
Ask the owner whether it may go, or lower its minimum until a guest needs it. Exempt what is kept on purpose.
"""
origin = """
Cloud advisers list volumes that nothing is attached to first of all, for these cost most and serve least.
"""
moment = 2026-11-08T12:05:00Z

[[parameters]]
name = "days"
unit = "days"
default = 7
meaning = "how long a volume must have been without a guest"

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-08T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-08T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-08T12:00:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-08T12:00:00Z, volume_id = "vol-a", volume_name = "data-web", vm_id = "guest-1", account_id = "acme" },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-08T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-08T12:00:00Z, volume_id = "vol-b", min_iops = 2000, min_enforced = false, attached_count = 0 },
    { source = "array", run_id = "1", observed_at = 2026-11-08T12:00:00Z, volume_id = "vol-counted", attached_count = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-08T12:00:00Z, volume_id = "vol-off" },
]
disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-08T12:00:00Z, vm_id = "guest-1", device = "vda", state = "off", volume_id = "vol-off" },
]

[[fail]]
name = "known in the hour seven days ago, and no disk since; another was seen in the hour before, on a volume that is not sold"
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-01T12:00:00Z, volume_id = "vol-a" },
    { kind = "allocation", window_start = 2026-11-08T11:00:00Z, volume_id = "vol-a" },
    { kind = "allocation", window_start = 2026-11-01T11:00:00Z, volume_id = "vol-b" },
    { kind = "io", window_start = 2026-11-01T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-b" },
    { kind = "allocation", window_start = 2026-11-01T12:00:00Z, volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "no guest"
expected = "a guest"
interval_start = 2026-11-08T12:00:00Z
reason = "Volume vol-a (data-web) has been without a guest for 7 days, and the storage reserves 2000 IOPS for it."
[[fail.expect]]
resource_kind = "volume"
resource_id = "vol-b"
reason = "Volume vol-b has been without a guest for 7 days."

[[fail]]
name = "a volume that is sold and of which the storage tells nothing, after another time"
parameters = { days = 3 }
given.provisioned_iops = []
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-05T12:00:00Z, volume_id = "vol-a" },
]
[[fail.expect]]
resource_kind = "volume"
resource_id = "vol-a"
reason = "Volume vol-a (data-web) has been without a guest for 3 days."

[[fail]]
name = "over a period: from when it was seven days until it was deleted, or until a guest has it again"
moment = 2026-11-08T00:00:00Z
until = 2026-11-09T00:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-08T00:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-08T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-08T00:00:00Z },
]
given.entitlement = []
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-08T00:00:00Z, volume_id = "vol-a", min_iops = 1000 },
    { source = "array", run_id = "1", observed_at = 2026-11-08T00:00:00Z, volume_id = "vol-b" },
    { source = "array", run_id = "1", observed_at = 2026-11-08T00:00:00Z, volume_id = "vol-c" },
    { source = "array", run_id = "1", observed_at = 2026-11-08T00:00:00Z, volume_id = "vol-d" },
    { source = "array", run_id = "2", observed_at = 2026-11-08T12:00:00Z, volume_id = "vol-b" },
    { source = "array", run_id = "2", observed_at = 2026-11-08T12:00:00Z, volume_id = "vol-c" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-08T10:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-b" },
]
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-01T00:00:00Z, volume_id = "vol-a" },
    { kind = "allocation", window_start = 2026-11-01T00:00:00Z, volume_id = "vol-b" },
    { kind = "allocation", window_start = 2026-11-08T00:00:00Z, volume_id = "vol-a" },
    { kind = "allocation", window_start = 2026-11-08T00:00:00Z, volume_id = "vol-b" },
    { kind = "io", window_start = 2026-11-01T04:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a" },
    { kind = "io", window_start = 2026-11-01T02:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a" },
    { kind = "io", window_start = 2026-11-08T10:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-b" },
    { kind = "allocation", window_start = 2026-11-01T02:00:00Z, volume_id = "vol-c" },
    { kind = "allocation", window_start = 2026-11-01T03:00:00Z, volume_id = "vol-c" },
    { kind = "io", window_start = 2026-11-08T12:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a" },
    { kind = "allocation", window_start = 2026-11-01T00:00:00Z, volume_id = "vol-d" },
    { kind = "io", window_start = 2026-11-08T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-d" },
]
[[fail.expect]]
resource_kind = "volume"
resource_id = "vol-a"
interval_start = 2026-11-08T05:00:00Z
interval_end = 2026-11-08T12:00:00Z
[[fail.expect]]
resource_kind = "volume"
resource_id = "vol-b"
interval_start = 2026-11-08T00:00:00Z
interval_end = 2026-11-08T10:00:00Z
[[fail.expect]]
resource_kind = "volume"
resource_id = "vol-c"
interval_start = 2026-11-08T02:00:00Z
interval_end = 2026-11-09T00:00:00Z

[[pass]]
name = "a disk was seen since, the records do not reach that far, or the volume has a disk"
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-01T12:00:00Z, volume_id = "vol-a" },
    { kind = "io", window_start = 2026-11-01T12:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a" },
    { kind = "allocation", window_start = 2026-11-01T13:00:00Z, volume_id = "vol-b" },
    { kind = "io", window_start = 2026-11-01T13:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-b" },
    { kind = "allocation", window_start = 2026-11-01T12:00:00Z, volume_id = "vol-counted" },
    { kind = "allocation", window_start = 2026-11-01T12:00:00Z, volume_id = "vol-off" },
]

[[pass]]
name = "the records do not reach that far"
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-01T13:00:00Z, volume_id = "vol-a" },
]

[[pass]]
name = "nothing is known of the volume any more"
moment = 2026-11-17T13:05:00Z
given.usage_record = [
    { kind = "allocation", window_start = 2026-11-10T13:00:00Z, volume_id = "vol-a" },
]

*/

WITH
-- one row per volume and stretch of time in which nobody sees a disk on it
unused AS (
    SELECT *
    FROM volume_state
    ANTI JOIN disk_state USING (volume_id, stretch)
    WHERE
        (is_allocated OR is_entitled)
        AND coalesce(attached_count = 0, true)
),

-- one row per such volume and stretch, and from when on it has been without a guest for so long: since a disk was
-- seen last, or since the volume is known
forgotten AS (
    SELECT
        volume_id,
        unused.stretch,
        coalesce(
            max(record.window_end) FILTER (record.kind = 'io'), min(record.window_start)
        ) + to_days($days) AS forgotten_at
    FROM unused
    JOIN usage_back_to($days, $period_start, $period_end) AS record USING (volume_id)
    WHERE record.window_end <= unused.valid_to
    GROUP BY volume_id, unused.stretch
)

SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    'no guest' AS observed,
    'a guest' AS expected,
    NULL::VARCHAR AS unit,
    format('Volume {} has been without a guest for {} days', volume, $days)
    || CASE WHEN enforced THEN format(', and the storage reserves {} IOPS for it.', min_iops) ELSE '.' END AS reason,
    greatest(valid_from, forgotten_at) AS interval_start,
    valid_to AS interval_end
FROM unused
JOIN forgotten USING (volume_id, stretch)
