/*
code = "QOS205"
name = "live_cap_differs"
title = "A live cap differs from the definition, or from what QEMU enforces"
severity = "medium"
what = """
A disk of a running guest whose caps in the live definition are other ones than those in the persistent
definition (layer `config` of `disk_cap`), or than those that QEMU reports (layer `qemu`): any of the
six caps, its burst, the length of the burst, the size that counts as one operation, or the group.
Compared is what one run read, for as long as the live caps stay as they were in it, until the next run of
the source that asks for these layers, and at most `max_age_seconds`. A throttle group's own caps (layer
`group`) are where the live ones come from. The reason says which of them changed within the last `days`,
from what to what, and between which two runs. The finding is `unknown` where that run read the disk and
none of its other layers.
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

[[parameters]]
name = "days"
unit = "days"
default = 31
meaning = "how far back from the judged time the reason looks for what was different"

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

[[fail]]
name = "for a period: from when the live cap is raised until the next run finds the layers alike; and what was before"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T18:00:00Z
given.collection_run = [
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:00:00Z, ended_at = 2026-11-05T13:00:09Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:30:00Z },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "kvm", run_id = "5", kind = "hypervisor", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "kvm", run_id = "6", kind = "hypervisor", status = "ok", started_at = 2026-11-05T15:30:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-10-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 9 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 10 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:00:09Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 20 },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T13:30:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 20 },
    { source = "kvm", run_id = "4", sampled_at = 2026-11-05T14:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 20 },
    { source = "kvm", run_id = "5", sampled_at = 2026-11-05T15:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 20 },
    { source = "kvm", run_id = "6", sampled_at = 2026-11-05T15:30:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 30 },
]
given.disk_cap = [
    { source = "kvm", run_id = "0", observed_at = 2026-10-05T12:00:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 9 },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 10 },
    { source = "kvm", run_id = "2", observed_at = 2026-11-05T13:00:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 10 },
    { source = "kvm", run_id = "4", observed_at = 2026-11-05T14:00:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 10 },
    { source = "kvm", run_id = "5", observed_at = 2026-11-05T15:00:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 20 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T13:00:09Z
interval_end = 2026-11-05T15:00:00Z
reason = "Disk vda of guest-1 has live 20 IOPS in total, and others elsewhere (definition: 10 IOPS in total). The disk had 10 IOPS in total until run 1 of kvm (2026-11-05 12:00 UTC) and 20 IOPS in total from run 2 of kvm (2026-11-05 13:00 UTC) on. Its definition had 9 IOPS in total until run 0 of kvm (2026-10-05 12:00 UTC) and 10 IOPS in total from run 1 of kvm (2026-11-05 12:00 UTC) on."

[[fail]]
name = "for a period: until the reading is too old, and all changed a moment before the days that are looked back"
moment = 2026-11-05T12:00:00Z
until = 2026-11-07T12:00:00Z
given.collection_run = [
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T11:59:59Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-06T12:00:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-10-05T11:59:59Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 9 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T13:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 10 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-06T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 10 },
]
given.disk_cap = [
    { source = "kvm", run_id = "0", observed_at = 2026-10-05T11:59:59Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 10 },
    { source = "kvm", run_id = "1", observed_at = 2026-11-05T13:00:00Z, vm_id = "guest-1", device = "vda", layer = "config", cap_total_iops = 20 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-06T13:00:00Z
reason = "Disk vda of guest-1 has live 10 IOPS in total, and others elsewhere (definition: 20 IOPS in total)."

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
-- one row per running disk, stretch of time and layer that had other caps when it was last read, and one per
-- disk of which no layer was read
suspect AS (FROM layer_differences($period_start, $period_end, $max_age_seconds)),

-- one row per such disk and layer whose live caps are still those that the same run sampled
problem AS (FROM sampled_so('suspect', $period_start, $period_end, $max_age_seconds)),

-- one row per such disk that had other live caps before
changed AS (FROM live_change('problem', $period_start - to_days($days))),

-- one row per such disk and layer that had other caps before
layer_changed AS (FROM layer_change('problem', $period_start - to_days($days))),

-- one row per such disk and layer, in words
worded AS (
    SELECT
        problem.*,
        all_caps_words(disk_caps) AS live,
        CASE layer WHEN 'config' THEN 'definition' ELSE 'QEMU' END AS place,
        place || ': ' || all_caps_words(layer_caps) AS told,
        layer_changed.told AS layer_told
    FROM problem
    LEFT JOIN layer_changed USING (source, vm_id, device, layer, valid_from)
)

SELECT
    CASE WHEN count(layer) > 0 THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    live AS observed,
    coalesce(string_agg(worded.told, '; ' ORDER BY layer DESC) FILTER (layer IS NOT NULL), 'not known') AS expected,
    NULL::VARCHAR AS unit,
    concat(
        format('Disk {} of {} has live {}, and ', device, vm, live),
        CASE
            WHEN count(layer) > 0
                THEN format('others elsewhere ({}).', string_agg(worded.told, '; ' ORDER BY layer DESC))
            ELSE 'no other layer of it could be read.'
        END,
        ' The disk had ' || any_value(changed.told) || '.',
        string_agg(format(' Its {} had {}.', place, layer_told), '' ORDER BY layer DESC)
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM worded
LEFT JOIN changed USING (vm_id, device, valid_from)
GROUP BY source, vm_id, device, vm, volume_id, account_id, live, valid_from, valid_to
