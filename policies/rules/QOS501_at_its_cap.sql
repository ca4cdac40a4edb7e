/*
code = "QOS501"
name = "at_its_cap"
title = "A disk is at its cap for most of the time"
severity = "low"
what = """
A disk that, by its usage records, was at 95 % or more of one of its hypervisor caps for `percent` of the time in
which it was observed, or more. At a moment the last `days` days are looked at, over a period all of it. A disk
that was observed for less than `hours` is not judged, nor one that hypervisors do not list any more. Without
usage records (`ioledger usage build`) there is nothing to judge by.
"""
why = """
The guest wants more than it was sold. Its owner sees a slow machine and blames the storage, while a
larger offering would help, and pay.
"""
example = """
Disk `vda` is capped at 500 IOPS. In the last seven days it was observed for 160 hours, and at its cap in 120 of them.
"""
mend = """
Offer the customer a larger offering, or see with them what the guest does all the time. Exempt a disk that is meant
to be slow.
"""
origin = """
Cloud advisers name machines that are too small by their CPU; for disks the time at the cap says the same, and the
hypervisor's cap hides it from the array.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "percent"
unit = "percent"
default = 50
meaning = "the part of the observed time that a disk must be at its cap"

[[parameters]]
name = "days"
unit = "days"
default = 7
meaning = "how far back a check of a moment looks"

[[parameters]]
name = "hours"
unit = "hours"
default = 24
meaning = "a disk must have been observed for so long"

[given]
collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "off" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-9", vm_name = "web", device = "vdc", state = "ok" },
]

[[fail]]
name = "at its cap for exactly half of the least time, which is enough"
parameters = { hours = 2 }
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-b", account_id = "later", observed_seconds = 3600.0, at_cap_seconds = 0.0 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-b"
account_id = "later"
observed = "50"
expected = "50"
unit = "percent"
interval_start = 2026-11-05T10:00:00Z
reason = "Disk vda of web was at its cap for 50 % of the time in which it was observed."

[[fail]]
name = "other thresholds, and all of the time at the cap"
parameters = { hours = 1, percent = 100 }
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "100"
expected = "100"

[[fail]]
name = "records of seven days count, and none that ended before"
parameters = { hours = 2, percent = 100 }
moment = 2026-11-08T12:00:00Z
given.disk_io_stat = [
    { source = "kvm", run_id = "3", sampled_at = 2026-11-08T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok" },
]
given.collection_run = [
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-08T12:00:00Z },
]
given.usage_record = [
    { kind = "io", window_start = 2026-11-01T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
    { kind = "io", window_start = 2026-11-01T12:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
    { kind = "io", window_start = 2026-11-08T12:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 0.0 },
]
[[fail.expect]]
resource_id = "guest-1/vda"
interval_start = 2026-11-01T12:00:00Z

[[fail]]
name = "over a period longer than that, all of it counts"
moment = 2026-11-05T09:00:00Z
until = 2026-11-05T14:00:00Z
parameters = { hours = 2, days = 0 }
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
    { kind = "io", window_start = 2026-11-05T12:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 0.0 },
    { kind = "io", window_start = 2026-11-05T13:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 0.0 },
]
[[fail.expect]]
resource_id = "guest-1/vda"
observed = "50"
interval_start = 2026-11-05T10:00:00Z
interval_end = 2026-11-05T14:00:00Z

[[pass]]
name = "a little less at its cap, a little less observed, or a disk that is not there any more"
parameters = { hours = 2 }
given.usage_record = [
    { kind = "io", window_start = 2026-11-05T10:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3600.0, at_cap_seconds = 3600.0 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, vm_id = "guest-1", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 3601.0, at_cap_seconds = 0.0 },
    { kind = "io", window_start = 2026-11-05T11:00:00Z, vm_id = "guest-1", device = "vdb", volume_id = "vol-a", account_id = "acme", observed_seconds = 7199.0, at_cap_seconds = 7199.0 },
    { kind = "io", window_start = 2026-11-05T10:00:00Z, vm_id = "guest-2", device = "vda", volume_id = "vol-a", account_id = "acme", observed_seconds = 7200.0, at_cap_seconds = 7200.0 },
    { kind = "io", window_start = 2026-11-05T10:00:00Z, vm_id = "guest-1", device = "vdc", volume_id = "vol-a", account_id = "acme", observed_seconds = 7200.0, at_cap_seconds = 7200.0 },
]

*/

WITH
-- one row per disk that was at its cap for most of the time in which it was observed
capped_most AS (
    SELECT
        vm_id,
        device,
        arg_max(volume_id, window_start) AS volume_id,
        arg_max(account_id, window_start) AS account_id,
        floor(sum(at_cap_seconds))::HUGEINT * 100 // floor(sum(observed_seconds))::HUGEINT AS percent_at_cap,
        min(window_start) AS first_at
    FROM usage_within('io', $days, $period_start, $period_end)
    GROUP BY vm_id, device
    HAVING
        sum(observed_seconds) >= $hours * 3600
        AND sum(at_cap_seconds) * 100 >= sum(observed_seconds) * $percent
)

SELECT
    'violation' AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    capped_most.volume_id,
    account_id,
    percent_at_cap::VARCHAR AS observed,
    $percent::VARCHAR AS expected,
    'percent' AS unit,
    format(
        'Disk {} of {} was at its cap for {} % of the time in which it was observed.',
        device, max(disk_state.vm), percent_at_cap
    ) AS reason,
    first_at AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM capped_most
JOIN disk_state USING (vm_id, device)
GROUP BY vm_id, device, capped_most.volume_id, account_id, percent_at_cap, first_at
