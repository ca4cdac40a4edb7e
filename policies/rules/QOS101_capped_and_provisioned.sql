/*
code = "QOS101"
name = "capped_and_provisioned"
title = "A capped disk sits on a volume with provisioned IOPS"
severity = "high"
what = """
A disk that the hypervisor caps, in operations or in bytes, although its volume has a minimum, a
maximum or a burst set on the storage. The finding is `unknown` where the volume is provisioned but
the disk's caps could not be read, and where the disk is capped but nobody can tell what its volume
is set to: it maps to no volume although a storage source is read, or the allocation is older than
its age limit. Where the lake's settings let one of the two win (`policy_mode`, also for single
offerings, pools and accounts), both may be set, and there is no finding.
"""
why = """
Two systems limit one disk, and neither knows of the other. The customer gets the lower limit,
operations cannot be told guaranteed or throttled by the limit that was sold, and whoever changes
one of the two believes to have changed what the disk gets.
"""
example = """
Volume `vol-a` is provisioned with 2000 to 4000 IOPS. Its disk `vda` still has the 1000 IOPS cap of
the offering that the guest had before.
"""
mend = """
Decide which of the two limits the disk. Remove the cap from the guest, or the minimum, maximum and
burst from the volume; then correct the offering that set both. If both are meant to be set, say in
the lake's settings which of them counts. For an `unknown` finding, mend the
reading first: the guest that does not answer, the alias of the volume, or the storage source.
"""
origin = """
When throttling by the hypervisor and provisioning by the storage were first brought together in
one cloud platform, the rule was that a disk uses one or the other, and that the administrator
decides which.
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
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", burst_iops = 800 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-plain" },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "capped in operations, by a minimum and a maximum provisioned"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "cap 1000 IOPS in total; provisioned minimum 2000 IOPS, maximum 4000 IOPS"
expected = "a cap or provisioned IOPS, not both"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web has a hypervisor cap (1000 IOPS in total) although its volume vol-a is provisioned (minimum 2000 IOPS, maximum 4000 IOPS): two systems limit it."

[[fail]]
name = "capped in bytes, a burst provisioned, and nobody known who bought it"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", state = "ok", volume_id = "vol-b", cap_read_bps = 50000000, cap_write_bps = 20000000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vdb"
reason = "Disk vdb of guest-1 has a hypervisor cap (50000000 read bytes/s, 20000000 write bytes/s) although its volume vol-b is provisioned (burst 800 IOPS): two systems limit it."

[[fail]]
name = "the allocation came after the sample"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:59:00Z },
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T12:00:00Z

[[fail]]
name = "the volume is provisioned and the caps could not be read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "error", volume_id = "vol-plain" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "caps not read; provisioned minimum 2000 IOPS, maximum 4000 IOPS"
reason = "Disk vda of web sits on volume vol-a, which is provisioned (minimum 2000 IOPS, maximum 4000 IOPS), and its caps could not be read (state timeout)."

[[fail]]
name = "the capped disk maps to no volume although the storage is read, even if only now"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:05:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", cap_write_iops = 300 },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "cap 300 write IOPS; volume not known"
interval_start = 2026-11-05T12:05:00Z
reason = "Disk vda of web has a hypervisor cap (300 write IOPS), and it maps to no volume, so whether it is provisioned is not known."

[[fail]]
name = "the disk is capped and the allocation of its volume is too old, unlike one that another array took over"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "failed", started_at = 2026-11-05T18:00:00Z },
    { source = "array-2", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-06T11:58:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-moved" },
    { source = "array-2", run_id = "1", observed_at = 2026-11-06T11:58:00Z, volume_id = "vol-moved" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-moved", cap_read_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_read_iops = 500 },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "cap 500 read IOPS; allocation too old"
reason = "Disk vda of web has a hypervisor cap (500 read IOPS), and the allocation of its volume vol-a was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[fail]]
name = "the cap comes with one run, and the storage lets go of the volume with another"
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
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "cap 1000 IOPS in total; provisioned minimum 2000 IOPS"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T13:30:00Z

[[fail]]
name = "the settings forbid both from one time on, and let the storage win from another"
until = 2026-11-05T15:00:00Z
settings = [
    { valid_from = 2026-11-01T00:00:00Z, policy_mode = "hypervisor_wins" },
    { valid_from = 2026-11-05T13:00:00Z, policy_mode = "either_or" },
    { valid_from = 2026-11-05T14:00:00Z, policy_mode = "storage_wins" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T14:00:00Z

[[pass]]
name = "capped on a volume without provisioned IOPS, or provisioned without a cap"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-plain", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a" },
]

[[pass]]
name = "uncapped and without a volume, and a guest that is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "off", volume_id = "vol-a" },
]

[[pass]]
name = "capped and without a volume where no storage is read, or not read yet"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:06:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000 },
]

[[pass]]
name = "capped and without a volume where there is no storage source"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.provisioned_iops = []
given.entitlement = []
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000 },
]

[[pass]]
name = "the settings let the storage win for the offering"
settings = [
    { valid_from = 2026-11-01T00:00:00Z, policy_modes = [{ mode = "storage_wins", offering_id = "gold" }, { mode = "hypervisor_wins", pool_id = "ssd", account_id = "acme" }] },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, pool_id = "hdd" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 2000, pool_id = "ssd" },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme", offering_id = "gold" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", account_id = "acme" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "timeout", volume_id = "vol-b" },
]

[[pass]]
name = "the storage no longer has the volume"
moment = 2026-11-06T12:05:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-06T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T12:01:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
]
*/

WITH
-- one row: when a storage source was first read
storage AS (
    SELECT min(started_at) AS first_read_at
    FROM collection_run
    WHERE kind = 'storage'
),

-- one row per disk and stretch of time in which two systems limit it, or nobody can tell
problem AS (
    SELECT
        disk.*,
        storage.first_read_at,
        CASE
            WHEN disk.provisioned AND disk.capped THEN 'two limits'
            WHEN disk.provisioned AND disk.capped IS NULL THEN 'caps not read'
            WHEN disk.capped AND disk.volume_id IS NULL AND storage.first_read_at IS NOT NULL THEN 'volume not known'
            WHEN disk.capped AND disk.expired_allocation_observed_at IS NOT NULL THEN 'allocation too old'
        END AS kind
    FROM disk_on_volume AS disk
    CROSS JOIN storage
    WHERE kind IS NOT NULL
),

-- one row per such disk, stretch of time and stretch without a change of the settings, if these forbid both limits
-- (where the two do not meet, its end is not after its start, and it tells of no time)
forbidden AS (
    SELECT
        problem.* REPLACE (
            greatest(problem.valid_from, setting.valid_from) AS valid_from,
            least(problem.valid_to, setting.valid_to) AS valid_to
        )
    FROM problem
    CROSS JOIN setting
    WHERE policy_mode_at(problem.offering_id, problem.pool_id, problem.account_id, setting.valid_from) = 'either_or'
),

-- one row per such disk and stretch: its caps and its volume's allocation, in words
told AS (
    SELECT
        *,
        concat_ws(
            ', ',
            cap_total_iops || ' IOPS in total',
            cap_read_iops || ' read IOPS',
            cap_write_iops || ' write IOPS',
            cap_total_bps || ' bytes/s in total',
            cap_read_bps || ' read bytes/s',
            cap_write_bps || ' write bytes/s'
        ) AS caps,
        concat_ws(
            ', ',
            'minimum ' || min_iops || ' IOPS',
            'maximum ' || max_iops || ' IOPS',
            'burst ' || burst_iops || ' IOPS'
        ) AS allocated
    FROM forbidden
)

SELECT
    CASE kind WHEN 'two limits' THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    CASE kind
        WHEN 'two limits' THEN format('cap {}; provisioned {}', caps, allocated)
        WHEN 'caps not read' THEN format('caps not read; provisioned {}', allocated)
        ELSE format('cap {}; {}', caps, kind)
    END AS observed,
    'a cap or provisioned IOPS, not both' AS expected,
    NULL::VARCHAR AS unit,
    CASE kind
        WHEN 'two limits' THEN format(
            'Disk {} of {} has a hypervisor cap ({}) although its volume {} is provisioned ({}): two systems limit it.',
            device, vm, caps, volume_id, allocated
        )
        WHEN 'caps not read' THEN format(
            'Disk {} of {} sits on volume {}, which is provisioned ({}), and its caps could not be read (state {}).',
            device, vm, volume_id, allocated, state
        )
        WHEN 'volume not known' THEN format(
            'Disk {} of {} has a hypervisor cap ({}), and it maps to no volume, so whether it is provisioned is not known.',
            device, vm, caps
        )
        ELSE format(
            'Disk {} of {} has a hypervisor cap ({}), and the allocation of its volume {} was last read at {}, which is beyond its age limit.',
            device, vm, caps, volume_id, second_of(expired_allocation_observed_at)
        )
    END AS reason,
    CASE kind WHEN 'volume not known' THEN greatest(valid_from, first_read_at) ELSE valid_from END AS interval_start,
    valid_to AS interval_end
FROM told
