/*
code = "QOS402"
name = "io_without_entitlement"
title = "A running disk maps to no volume, or to one that nobody bought"
severity = "medium"
what = """
A disk of a running guest that maps to no volume, or whose volume has no entitlement in force. The
finding is `unknown` where the entitlement has only grown too old, because the control plane has
not been read since. A disk that was first seen less than `grace_seconds` ago is left alone;
its samples are looked at as far back as twice that time, so a disk that was away for longer is new.
"""
why = """
The disk's operations are metered, but they belong to no account: nobody pays for them. A volume
that is not mapped also hides from every rule that compares it with the storage.
"""
example = """
Somebody attached a scratch image to a guest by hand. Its samples arrive, no alias maps its path to
a volume, and the control plane has never heard of it.
"""
mend = """
Map the disk to its volume, by an alias (serial, WWN or path) or by a rule of the hypervisor's
source; or let the control plane sell the volume; or remove the disk. For an `unknown` finding,
read the control plane again.
"""
origin = """
Asked when storage was first handed straight to guests: how are usage statistics gathered for such
volumes? Here the statistics are there, and it is the owner who is missing.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "grace_seconds"
unit = "seconds"
default = 0
meaning = "a disk first seen less than this long ago is left alone: the control plane may not have been read since"

[given]
collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
]

[[fail]]
name = "the disk maps to no volume"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", source_path = "/scratch/web.img" },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vdb"
vm_id = "guest-1"
observed = "no volume"
expected = "a volume with an entitlement in force"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vdb of web (/scratch/web.img) maps to no volume, so nobody pays for its operations."

[[fail]]
name = "the disk's volume was sold to nobody, or to nobody any more"
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-04T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-04T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
volume_id = "vol-a"
observed = "no entitlement"
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vdb"
volume_id = "vol-b"
reason = "Disk vdb of guest-1 is on volume vol-b, for which no entitlement is in force, so nobody pays for its operations."

[[fail]]
name = "the entitlement is too old, unlike that of a volume which was never sold"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "failed", started_at = 2026-11-06T06:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "entitlement too old"
reason = "Disk vda of web is on volume vol-a, whose entitlement was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[fail]]
name = "the disk has been there for the whole grace period"
parameters = { grace_seconds = 240 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"

[[fail]]
name = "the disk was there as long as the grace period ago, and was last read for less long"
parameters = { grace_seconds = 600 }
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:45:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:03:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-11-05T11:45:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-b" },
    { source = "kvm", run_id = "0", sampled_at = 2026-11-05T11:44:59Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-b" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T12:03:00Z

[[fail]]
name = "over a period: the volume is no longer sold, and sold again; another disk is new and remains without"
parameters = { grace_seconds = 600 }
moment = 2026-11-05T12:00:30Z
until = 2026-11-05T12:40:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:05:00Z },
    { source = "cloud", run_id = "3", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:35:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:20:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T12:35:00Z, volume_id = "vol-a", account_id = "acme" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:20:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:20:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
observed = "no entitlement"
interval_start = 2026-11-05T12:11:00Z
interval_end = 2026-11-05T12:35:00Z
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-2/vda"
interval_start = 2026-11-05T12:30:00Z
interval_end = 2026-11-05T12:40:00Z

[[pass]]
name = "the disk's volume was sold"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
]

[[pass]]
name = "the disk is younger than the grace period"
parameters = { grace_seconds = 241 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-b" },
]

[[pass]]
name = "the guest is off, or did not answer"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "off", volume_id = "vol-b" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "timeout" },
]
*/

WITH
-- one row per disk of a running guest and stretch of time in which it belongs to nobody
unpaid AS (
    SELECT
        vm_id,
        device,
        vm,
        source_path,
        volume_id,
        expired_entitlement_observed_at,
        first_sampled_at,
        valid_from,
        valid_to
    FROM disk_on_volume
    WHERE
        state = 'ok'
        AND (is_entitled IS NULL OR NOT is_entitled)
),

-- one row per sighting of such a disk that may be the first: within the period, and before it as far back as
-- the grace period needs
sighted AS (
    SELECT vm_id, device, first_sampled_at
    FROM disk_state
    SEMI JOIN unpaid USING (vm_id, device)
    UNION ALL
    SELECT vm_id, device, sampled_at
    FROM sampled_between($period_start - to_seconds(2 * $grace_seconds), $period_start)
    SEMI JOIN unpaid USING (vm_id, device)
),

-- one row per such disk, and from when on it is known for longer than the grace period
known AS (
    SELECT vm_id, device, min(first_sampled_at) + to_seconds($grace_seconds) AS reported_from
    FROM sighted
    GROUP BY vm_id, device
),

-- one row per such disk and stretch of time, and why nobody pays
problem AS (
    SELECT
        unpaid.*,
        concat('Disk ', device, ' of ', vm) AS name,
        greatest(valid_from, reported_from) AS interval_start,
        CASE
            WHEN volume_id IS NULL THEN 'no volume'
            WHEN expired_entitlement_observed_at IS NULL THEN 'no entitlement'
            ELSE 'entitlement too old'
        END AS problem
    FROM unpaid
    JOIN known USING (vm_id, device)
)

SELECT
    CASE problem WHEN 'entitlement too old' THEN 'unknown' ELSE 'violation' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    NULL::VARCHAR AS account_id,
    problem AS observed,
    'a volume with an entitlement in force' AS expected,
    NULL::VARCHAR AS unit,
    CASE problem
        WHEN 'no volume' THEN format(
            '{}{} maps to no volume, so nobody pays for its operations.',
            name, coalesce(' (' || source_path || ')', '')
        )
        WHEN 'no entitlement' THEN format(
            '{} is on volume {}, for which no entitlement is in force, so nobody pays for its operations.',
            name, volume_id
        )
        ELSE format(
            '{} is on volume {}, whose entitlement was last read at {}, which is beyond its age limit.',
            name, volume_id, second_of(expired_entitlement_observed_at)
        )
    END AS reason,
    interval_start,
    valid_to AS interval_end
FROM problem
