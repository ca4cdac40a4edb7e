/*
code = "QOS205"
name = "live_cap_differs"
title = "A live cap differs from the definition, or from what QEMU enforces"
severity = "medium"
what = """
A disk of a running guest whose caps in the live definition are other ones than those in the persistent
definition (layer `config` of `disk_cap`), or than those that QEMU reports (layer `qemu`): any of the
six caps, its burst, the length of the burst, the size that counts as one operation, or the group.
Compared is what one run read, the last one that asked for these layers, if it is at most
`max_age_seconds` old. A throttle group's own caps (layer `group`) are where the live ones come from.
The finding is `unknown` where that run read the disk and none of its other layers.
"""
why = """
A cap that is live only is gone after the next start of the guest, and one that is in the definition only
does nothing until then. One that QEMU does not enforce is a number on paper. Nobody notices when it
changes, for nobody changes anything at that moment.
"""
example = """
During an incident somebody raised the cap of `vda` with `virsh blkdeviotune --live`. The definition still
has the old one, and a month later a reboot brings it back.
"""
mend = """
Set the cap that is meant in both, with `--live --config`. Where QEMU reports another one than libvirt, set
it again, and see who speaks to QEMU's monitor directly. For an `unknown` finding, see the error of the run.
"""
origin = """
libvirt keeps two definitions of a running guest and lets a change be made to either; platforms change
the live one when they resize a disk, and find the other after a restart.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "max_age_seconds"
unit = "seconds"
default = 86400
meaning = "layers that were read longer ago than this are not compared"

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "the definition has no cap, and QEMU another one"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", cap_read_bps = 5, cap_read_bps_burst = 9, cap_read_bps_burst_seconds = 1 },
]
given.disk_cap = [
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "config" },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "qemu", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", layer = "config", cap_read_bps = 5, cap_read_bps_burst = 9, cap_read_bps_burst_seconds = 1 },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", layer = "qemu", cap_read_bps = 5, cap_read_bps_burst = 9, cap_read_bps_burst_seconds = 2 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "1000 IOPS in total"
expected = "definition: no cap"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web has live 1000 IOPS in total, and others elsewhere (definition: no cap)."
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-2/vda"
observed = "5 read bytes/s (burst 9 for 1 s)"
expected = "QEMU: 5 read bytes/s (burst 9 for 2 s)"

[[fail]]
name = "both differ from the live caps, in the size and the group"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_write_iops = 10, cap_io_size = 4096, cap_group = "g" },
]
given.disk_cap = [
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_write_iops = 10, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "qemu", cap_write_iops = 10, cap_group = "g" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "QEMU: 10 write IOPS, in group g; definition: 10 write IOPS, counted by 4096 bytes"

[[fail]]
name = "no other layer of the disk could be read, unlike those of another"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok" },
]
given.disk_cap = [
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", layer = "config" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "1000 IOPS in total"
expected = "not known"
reason = "Disk vda of web has live 1000 IOPS in total, and no other layer of it could be read."

[[fail]]
name = "the layers are just young enough, and were read again since"
moment = 2026-11-06T12:00:59Z
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-06T12:00:59Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-06T12:00:59Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 900 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-06T12:00:59Z, vm_id = "guest-2", device = "vda", state = "ok", cap_total_iops = 900 },
]
given.disk_cap = [
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 900 },
    { source = "kvm", run_id = "2", observed_at = 2026-11-06T12:00:59Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 800 },
    { source = "kvm", run_id = "2", observed_at = 2026-11-06T12:00:59Z, vm_id = "guest-2", device = "vda", layer = "config", cap_total_iops = 900 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "900 IOPS in total"
expected = "definition: 800 IOPS in total"

[[pass]]
name = "all layers have the same caps, or none; a group's own caps, and a group without a cap"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", state = "ok", cap_group = "idle" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", cap_total_iops = 5, cap_group = "a,b" },
]
given.disk_cap = [
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "qemu", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", layer = "config" },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", layer = "qemu" },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", layer = "group", cap_total_iops = 5, cap_group = "a" },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", layer = "group", cap_total_iops = 9, cap_group = "b" },
]

[[pass]]
name = "the guest was off when the layers were read, is off by now, or gone"
moment = 2026-11-05T13:00:00Z
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:02:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "off", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vda", state = "ok" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", device = "vda", state = "off" },
]
given.disk_cap = [
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "config" },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", layer = "config" },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", layer = "config" },
]

[[pass]]
name = "the layers are a day old, or of a run to come"
moment = 2026-11-06T12:01:00Z
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-06T12:00:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-06T12:02:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-06T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-06T12:02:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000 },
]
given.disk_cap = [
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", layer = "config" },
    { source = "kvm", run_id = "3", observed_at = 2026-11-06T12:02:00Z, vm_id = "guest-1", device = "vda", layer = "config" },
]
*/

WITH
-- one row per source: the last run that read other layers than the live one
last_check AS (
    SELECT source, max(run_id) AS run_id
    FROM disk_cap
    WHERE observed_at <= $period_start AND observed_at > $period_start - to_seconds($max_age_seconds)
    GROUP BY source
),

-- one row per disk and layer, the live one among them; of a throttle group one for each disk and group
layer AS (
    SELECT * FROM disk_cap
    UNION ALL BY NAME
    SELECT *, 'live' AS layer FROM disk_io_stat WHERE state = 'ok'
),

-- one row per disk and layer in these runs, with its caps in words
told AS (
    SELECT
        source,
        vm_id,
        device,
        layer,
        nullif(
            concat_ws(
                ', ',
                cap_total_iops || ' IOPS in total'
                || coalesce(' (burst ' || cap_total_iops_burst || ' for ' || cap_total_iops_burst_seconds || ' s)', ''),
                cap_read_iops || ' read IOPS'
                || coalesce(' (burst ' || cap_read_iops_burst || ' for ' || cap_read_iops_burst_seconds || ' s)', ''),
                cap_write_iops || ' write IOPS'
                || coalesce(' (burst ' || cap_write_iops_burst || ' for ' || cap_write_iops_burst_seconds || ' s)', ''),
                cap_total_bps || ' bytes/s in total'
                || coalesce(' (burst ' || cap_total_bps_burst || ' for ' || cap_total_bps_burst_seconds || ' s)', ''),
                cap_read_bps || ' read bytes/s'
                || coalesce(' (burst ' || cap_read_bps_burst || ' for ' || cap_read_bps_burst_seconds || ' s)', ''),
                cap_write_bps || ' write bytes/s'
                || coalesce(' (burst ' || cap_write_bps_burst || ' for ' || cap_write_bps_burst_seconds || ' s)', '')
            ),
            ''
        ) AS caps,
        coalesce(
            caps
            || coalesce(', counted by ' || cap_io_size || ' bytes', '')
            || coalesce(', in group ' || cap_group, ''),
            'no cap'
        ) AS words
    FROM layer
    SEMI JOIN last_check USING (source, run_id)
),

-- one row per disk that was and is running, with what its other layers say where that differs
state AS (
    SELECT
        vm_id,
        device,
        concat('Disk ', device, ' of ', coalesce(max(disk.vm_name), vm_id)) AS name,
        max(disk.volume_id) AS volume_id,
        max(disk.sampled_at) AS sampled_at,
        max(live.words) AS live,
        count(other.layer) AS layers,
        string_agg(
            CASE other.layer WHEN 'config' THEN 'definition: ' ELSE 'QEMU: ' END || other.words,
            '; '
            ORDER BY other.layer DESC
        ) FILTER (other.layer <> 'group' AND other.words <> live.words) AS others
    FROM disk_at_moment($period_start) AS disk
    JOIN told AS live USING (source, vm_id, device)
    LEFT JOIN (FROM told WHERE layer <> 'live') AS other USING (source, vm_id, device)
    WHERE disk.state = 'ok' AND live.layer = 'live'
    GROUP BY source, vm_id, device
)

SELECT
    CASE WHEN layers > 0 THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    state.vm_id || '/' || state.device AS resource_id,
    state.vm_id,
    state.volume_id,
    entitlement.account_id,
    state.live AS observed,
    coalesce(state.others, 'not known') AS expected,
    NULL::VARCHAR AS unit,
    format('{} has live {}, and ', state.name, state.live)
    || coalesce(format('others elsewhere ({}).', state.others), 'no other layer of it could be read.') AS reason,
    state.sampled_at AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM state
LEFT JOIN entitlement_at_moment($period_start) AS entitlement
    ON state.volume_id = entitlement.volume_id
WHERE
    state.layers = 0
    OR state.others IS NOT NULL
