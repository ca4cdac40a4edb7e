/*
code = "QOS203"
name = "allocation_changed"
title = "The storage was set to other limits since the volume was last sold anew"
severity = "medium"
what = """
A volume whose minimum, maximum, burst or throughput on the storage is another one than it was first told
to be since the volume was last sold anew: since its size, its offering or an amount in its entitlement
last changed, or its entitlement was last modified by what the control plane says, if that is later. A limit
that has come to what was sold was set right, and is no finding. It is looked for within the last `days`;
the reason says between which two runs the limits changed, and by whom where the storage tells.
"""
why = """
Nobody asked for this change where volumes are sold. It may be a mistake, a hand on the array, or a
migration; also where nothing that was sold is touched, somebody else on the same array pays for it.
"""
example = """
Volume `vol-a` is sold with 2000 IOPS at least. In an incident at night an engineer raised its minimum to
8000 on the array, and it stayed that way.
"""
mend = """
Ask who changed it. Set the limits back, or sell the volume with what it has.
"""
origin = """
Platforms write limits to an array when a volume is made or changed, and read nothing back.
"""
moment = 2026-11-05T14:05:00Z

[[parameters]]
name = "days"
unit = "days"
default = 31
meaning = "how far back from the judged time changes are looked for"

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T14:00:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", sold_min_iops = 2000 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", sold_min_iops = 2000 },
]

[[fail]]
name = "a minimum and a maximum were raised, and the storage says by whom"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true, max_iops = 4000, burst_iops = 5000, max_bps = 1000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", min_iops = 8000, min_enforced = true, max_iops = 4000, burst_iops = 5000, max_bps = 1000, modified_by = "night-shift" },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 8000, min_enforced = true, max_iops = 9000, burst_iops = 5000, max_bps = 1000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "maximum 9000, minimum 8000"
expected = "maximum 4000, minimum 2000"
interval_start = 2026-11-05T14:00:00Z
reason = "Volume vol-a (root-web) has other limits on the storage than when it was last sold anew: maximum 4000 IOPS until run 2 of array (2026-11-05 13:00 UTC) and 9000 IOPS from run 3 of array (2026-11-05 14:00 UTC) on; minimum 2000 IOPS until run 1 of array (2026-11-05 12:00 UTC) and 8000 IOPS from run 2 of array (2026-11-05 13:00 UTC) on, changed by night-shift."

[[fail]]
name = "limits that were not sold were set, lifted and changed, among them one of bytes"
given.entitlement = [
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", sold_min_iops = 2000 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", sold_burst_iops = 6000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true, max_bps = 1000 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:01:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true, max_iops = 500, max_bps = 2000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", min_iops = 2000, min_enforced = true, burst_iops = 6000, max_iops = 500 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:01:00Z, volume_id = "vol-b", min_iops = 2000, min_enforced = true, max_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "maximum 500, throughput 2000"
expected = "maximum none, throughput 1000"
reason = "Volume vol-a has other limits on the storage than when it was last sold anew: maximum none until run 2 of array (2026-11-05 14:00 UTC) and 500 IOPS from run 3 of array (2026-11-05 14:01 UTC) on; throughput 1000 bytes/s until run 2 of array (2026-11-05 14:00 UTC) and 2000 bytes/s from run 3 of array (2026-11-05 14:01 UTC) on."
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
observed = "burst none"
expected = "burst 6000"

[[fail]]
name = "for a period: from the change until it is taken back, and until the volume is sold anew; the first run counts"
moment = 2026-11-05T11:00:00Z
until = 2026-11-05T16:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T11:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "4", kind = "storage", status = "ok", started_at = 2026-11-05T15:59:59Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-back", offering_id = "a", size_bytes = 1 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-back", offering_id = "a", size_bytes = 1, vm_id = "guest-2" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-late", offering_id = "a", size_bytes = 1 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-late", offering_id = "a", size_bytes = 1 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-larger", offering_id = "a", size_bytes = 1 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-larger", offering_id = "a", size_bytes = 2 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-other", offering_id = "a" },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", offering_id = "b" },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T11:00:00Z, volume_id = "vol-back", max_iops = 10 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-back", max_iops = 30 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-back", max_iops = 10 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-late", max_iops = 10 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-late", max_iops = 10 },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:59:59Z, volume_id = "vol-late", max_iops = 30 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-larger", max_iops = 10 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-larger", max_iops = 20 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-other", max_iops = 10 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-other", max_iops = 20 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-back"
interval_start = 2026-11-05T11:00:00Z
interval_end = 2026-11-05T12:00:00Z
expected = "maximum 10"
[[fail.expect]]
status = "violation"
resource_id = "vol-back"
interval_start = 2026-11-05T12:00:00Z
interval_end = 2026-11-05T13:00:00Z
vm_id = "guest-2"
[[fail.expect]]
status = "violation"
resource_id = "vol-late"
interval_start = 2026-11-05T15:59:59Z
interval_end = 2026-11-05T16:00:00Z

[[pass]]
name = "what changed was set right, also where it was sold for each GiB; or nobody was sold the volume"
given.entitlement = [
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", sold_min_iops = 2000, sold_max_iops = 3000, sold_burst_iops = 4000 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", sold_min_iops_per_gib = 10.0, sold_max_iops_per_gib = 20.0, size_bytes = 107374182400 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 1, min_enforced = true, max_iops = 1, burst_iops = 1 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true, max_iops = 3000, burst_iops = 4000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 1, min_enforced = true, max_iops = 1 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", min_iops = 1000, min_enforced = true, max_iops = 2000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-unsold", max_iops = 1 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-unsold", max_iops = 2 },
]

[[pass]]
name = "it changed before the days that are looked back, before the entitlement was last modified, and back and forth"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T14:04:59Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "2b", kind = "storage", status = "partial", started_at = 2026-11-05T13:30:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T14:00:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a" },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", modified_at = 2026-11-05T13:00:01Z },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-c" },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T14:04:59Z, volume_id = "vol-a", max_iops = 1 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", max_iops = 2 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", max_iops = 2 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-b", max_iops = 1 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", max_iops = 2 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-c", max_iops = 2 },
    { source = "array", run_id = "2b", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-c", max_iops = 1 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-c", max_iops = 2 },
]
*/

WITH
-- one row per volume and stretch of time in which it was sold, of volumes whose allocation changed
changed AS (
    FROM volume_state
    SEMI JOIN reallocated_between($period_start - to_days($days), $period_end) USING (volume_id)
    WHERE is_entitled
),

-- one row per such volume: what the storage was set to when it was last sold anew
earlier AS (FROM allocation_when_sold('changed', $period_start - to_days($days))),

-- one row per such volume and kind of limit: what was sold, what the storage has and what it had
compared AS (
    SELECT
        changed.*,
        unnest(
            [
                {
                    about: 'minimum',
                    sold: sold_iops_of(sold_min_iops, sold_min_iops_per_gib, size_bytes),
                    present: min_iops,
                    former: allocation.min_iops
                },
                {
                    about: 'maximum',
                    sold: sold_iops_of(sold_max_iops, sold_max_iops_per_gib, size_bytes),
                    present: max_iops,
                    former: allocation.max_iops
                },
                {about: 'burst', sold: sold_burst_iops, present: burst_iops, former: allocation.burst_iops},
                {about: 'throughput', sold: NULL, present: max_bps, former: allocation.max_bps}
            ],
            recursive := true
        )
    FROM changed
    JOIN earlier USING (volume_id, stretch)
),

-- one row per limit that is another one, and not what was sold
problem AS (
    FROM compared
    WHERE
        present IS DISTINCT FROM former
        AND coalesce(present <> sold, true)
)

SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    string_agg(concat(about, ' ', coalesce(present::VARCHAR, 'none')), ', ' ORDER BY about) AS observed,
    string_agg(concat(about, ' ', coalesce(former::VARCHAR, 'none')), ', ' ORDER BY about) AS expected,
    NULL::VARCHAR AS unit,
    format(
        'Volume {} has other limits on the storage than when it was last sold anew: {}.',
        volume,
        string_agg(about || ' ' || told, '; ' ORDER BY about)
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
JOIN storage_change('problem', $period_start - to_days($days)) USING (volume_id, stretch, about)
GROUP BY volume_id, stretch, volume, sold_vm_id, account_id, valid_from, valid_to
