/*
code = "QOS402"
name = "io_without_entitlement"
title = "A running disk maps to no volume, or to one that nobody bought"
severity = "medium"
what = """
A disk of a running guest that maps to no volume, or whose volume has no entitlement in force. The
finding is `unknown` where the entitlement has only grown too old, because the control plane has
not been read since.
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
reason = "Disk vda of web is on volume vol-a, whose entitlement was last read at 2026-11-05 12:00:00+00, which is beyond its age limit."

[[fail]]
name = "the disk has been there for the whole grace period"
parameters = { grace_seconds = 240 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"

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
-- one row per disk of a running guest that belongs to nobody
unpaid AS (
    SELECT
        disk.vm_id,
        disk.device,
        concat('Disk ', disk.device, ' of ', coalesce(disk.vm_name, disk.vm_id)) AS name,
        disk.source_path,
        disk.volume_id,
        disk.sampled_at,
        expired.observed_at AS expired_observed_at,
        CASE
            WHEN disk.volume_id IS NULL THEN 'no volume'
            WHEN expired.observed_at IS NULL THEN 'no entitlement'
            ELSE 'entitlement too old'
        END AS problem
    FROM disk_at_moment($period_start) AS disk
    ANTI JOIN entitlement_at_moment($period_start) AS entitlement
        ON disk.volume_id = entitlement.volume_id
    LEFT JOIN expired_at_moment('entitlement', $period_start) AS expired
        ON disk.volume_id = expired.volume_id
    WHERE
        disk.state = 'ok'
        AND disk.first_seen_at <= $period_start - to_seconds($grace_seconds)
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
            name, volume_id, expired_observed_at::VARCHAR
        )
    END AS reason,
    sampled_at AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM unpaid
