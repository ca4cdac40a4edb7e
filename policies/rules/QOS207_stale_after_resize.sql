/*
code = "QOS207"
name = "stale_after_resize"
title = "The storage is not set to what was sold for each GiB"
severity = "high"
what = """
A volume sold with a minimum or a maximum of IOPS for each GiB for which the storage is set to another
number than that comes to at the volume's size: after a resize, mostly. The size is the storage's, or
the control plane's where the storage tells none; no part of an operation is sold, so the number is
rounded down. A minimum that the backend does not reserve counts as 0. The reason says for which size
the number would be right, and what changed within the last `days`, between which two runs. The
finding is `unknown` where no storage source says what the volume is set to, and where nobody tells its
size. Where a number of IOPS was sold beside that for each GiB, the number counts (QOS201, QOS202).
"""
why = """
A volume that grew and kept its limits gives less than its owner pays for by the GiB; one that shrank
takes more. The number on the storage looks like any other, and was right once.
"""
example = """
Volume `vol-a` was sold with 10 IOPS per GiB as its maximum. It grew from 100 GiB to 500 GiB, and its maximum
is still 1000 IOPS.
"""
mend = """
Set the limits to what they come to at the present size, and let the platform do so whenever it resizes
a volume. For an `unknown` finding, mend the reading of the storage, or of the size.
"""
origin = """
Platforms compute IOPS from the size when a volume is made; a resize goes another way, and arrays keep
what they were told.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "days"
unit = "days"
default = 31
meaning = "how far back from the judged time the reason looks for what was different"

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", sold_max_iops_per_gib = 2.5, size_bytes = 1073741824 },
]

[[fail]]
name = "a maximum is right for a smaller size, by the storage's own"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 250, size_bytes = 107803901952 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "maximum 250"
expected = "maximum 251"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) was sold by the GiB: a maximum of 2.5 IOPS per GiB, which at its size of 107803901952 bytes comes to 251 IOPS, and the storage has 250 IOPS, right for 100 GiB."

[[fail]]
name = "no whole GiB would be right, none is set, none is reserved, or the size is the control plane's"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops_per_gib = 2.5, sold_min_iops_per_gib = 1.0, size_bytes = 107374182400 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops_per_gib = 1.0, size_bytes = 107374182400 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", sold_min_iops_per_gib = 1.0, size_bytes = 107374182400 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 99, min_enforced = true, max_iops = 251 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 100, min_enforced = false },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", min_iops = 101, min_enforced = true },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "maximum 251, minimum 99"
expected = "maximum 250, minimum 100"
reason = "Volume vol-a was sold by the GiB: a maximum of 2.5 IOPS per GiB, which at its size of 100 GiB comes to 250 IOPS, and the storage has 251 IOPS, right for 107803679130 bytes; a minimum of 1 IOPS per GiB, which at its size of 100 GiB comes to 100 IOPS, and the storage has 99 IOPS, right for 99 GiB."
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
observed = "minimum 0"
reason = "Volume vol-b was sold by the GiB: a minimum of 1 IOPS per GiB, which at its size of 100 GiB comes to 100 IOPS, and the storage has 0 IOPS."
[[fail.expect]]
status = "violation"
resource_id = "vol-c"

[[fail]]
name = "there is no maximum"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "maximum none"
expected = "maximum 2"
reason = "Volume vol-a (root-web) was sold by the GiB: a maximum of 2.5 IOPS per GiB, which at its size of 1 GiB comes to 2 IOPS, and the storage has none."

[[fail]]
name = "for a period: from the resize until the limit follows; sold by the GiB before, too; and the next resize"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T18:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "array", run_id = "4", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T13:00:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-10-05T12:00:00Z, volume_id = "vol-a", sold_min_iops_per_gib = 20.0 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", sold_min_iops_per_gib = 10.0 },
    { source = "cloud", run_id = "1", observed_at = 2026-10-05T12:00:00Z, volume_id = "vol-b", sold_min_iops_per_gib = 10.0, size_bytes = 1073741824 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-b", sold_min_iops_per_gib = 10.0, size_bytes = 2147483648 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T12:00:00Z, volume_id = "vol-a", min_iops = 90, min_enforced = true, size_bytes = 10737418240 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", min_iops = 100, min_enforced = true, size_bytes = 53687091200 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 500, min_enforced = true, size_bytes = 53687091200 },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:00:00Z, volume_id = "vol-a", min_iops = 500, min_enforced = true, size_bytes = 53687091200 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-b", min_iops = 10, min_enforced = true },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", min_iops = 10, min_enforced = true },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T14:00:00Z
reason = "Volume vol-a was sold by the GiB: a minimum of 10 IOPS per GiB, which at its size of 50 GiB comes to 500 IOPS, and the storage has 100 IOPS, right for 10 GiB. It had 10 GiB until run 1 of array (2026-10-05 12:00 UTC) and 50 GiB from run 2 of array (2026-11-05 13:00 UTC) on. The storage had 90 IOPS until run 1 of array (2026-10-05 12:00 UTC) and 100 IOPS from run 2 of array (2026-11-05 13:00 UTC) on. Sold were 20 IOPS per GiB until run 1 of cloud (2026-10-05 12:00 UTC) and 10 IOPS per GiB from run 2 of cloud (2026-11-05 13:00 UTC) on."
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T15:00:00Z
reason = "Volume vol-b was sold by the GiB: a minimum of 10 IOPS per GiB, which at its size of 2 GiB comes to 20 IOPS, and the storage has 10 IOPS, right for 1 GiB. It had 1 GiB until run 1 of cloud (2026-10-05 12:00 UTC) and 2 GiB from run 2 of cloud (2026-11-05 13:00 UTC) on."
[[fail.expect]]
status = "unknown"
resource_id = "vol-b"
interval_start = 2026-11-05T15:00:00Z
interval_end = 2026-11-05T18:00:00Z

[[fail]]
name = "all of this changed a moment before the days that are looked back"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", sold_min_iops_per_gib = 20.0, size_bytes = 1 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops_per_gib = 10.0, size_bytes = 2 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", min_iops = 90, min_enforced = true, size_bytes = 10737418240 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 100, min_enforced = true, size_bytes = 53687091200 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
reason = "Volume vol-a was sold by the GiB: a minimum of 10 IOPS per GiB, which at its size of 50 GiB comes to 500 IOPS, and the storage has 100 IOPS, right for 10 GiB."

[[fail]]
name = "nobody tells the size"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops_per_gib = 2.5 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_max_iops_per_gib = 2.5 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 250 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b" },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
observed = "maximum 250"
expected = "not known"
reason = "Volume vol-a was sold by the GiB: a maximum of 2.5 IOPS per GiB, and neither control plane nor storage tells its size."
[[fail.expect]]
status = "unknown"
resource_id = "vol-b"
observed = "maximum none"

[[fail]]
name = "no storage source lists the volume"
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
observed = "not known"
expected = "maximum 2"
reason = "Volume vol-a (root-web) was sold by the GiB: a maximum of 2.5 IOPS per GiB, and no storage source says what it is set to."

[[fail]]
name = "the allocation is too old"
moment = 2026-11-06T12:00:00Z
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 2 },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
reason = "Volume vol-a (root-web) was sold by the GiB: a maximum of 2.5 IOPS per GiB, and its allocation was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[pass]]
name = "the limits are what the size comes to; or a number was sold beside, or nothing"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops_per_gib = 1.5, sold_max_iops_per_gib = 2.5, size_bytes = 107803901952 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops_per_gib = 1.5, sold_max_iops_per_gib = 2.5, sold_min_iops = 50, sold_max_iops = 60, size_bytes = 107803901952 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", size_bytes = 107803901952 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 150, min_enforced = true, max_iops = 251 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 1, min_enforced = true, max_iops = 2 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", min_iops = 1, min_enforced = true, max_iops = 2 },
]
*/

WITH
-- one row per volume, stretch of time and kind of limit, and what was sold of it for each GiB
offered AS (
    SELECT
        *,
        'minimum' AS about,
        sold_min_iops_per_gib AS per_gib,
        CASE WHEN enforced THEN min_iops ELSE 0 END AS present
    FROM volume_state
    WHERE sold_min_iops IS NULL AND sold_min_iops_per_gib IS NOT NULL
    UNION ALL
    SELECT *, 'maximum' AS about, sold_max_iops_per_gib AS per_gib, max_iops AS present
    FROM volume_state
    WHERE sold_max_iops IS NULL AND sold_max_iops_per_gib IS NOT NULL
),

-- one row per limit that is not what it comes to at the volume's size, or of which nobody can tell
problem AS (
    SELECT *, sold_iops_of(NULL, per_gib, size_bytes) AS sold_iops
    FROM offered
    WHERE
        NOT is_allocated
        OR sold_iops IS NULL
        OR present IS DISTINCT FROM sold_iops
),

-- one row per such volume, as one whose size is asked for
sized AS (SELECT DISTINCT volume_id, stretch, valid_from, storage_source, sold_source, 'size' AS about FROM problem),

-- one row per such volume that had another size before, by the storage, and by the control plane
resized AS (FROM storage_change('sized', $period_start - to_days($days))),
resold AS (FROM sold_change('sized', $period_start - to_days($days))),

-- one row per such limit that the storage was set to otherwise before
configured AS (FROM storage_change('problem', $period_start - to_days($days))),

-- one row per such limit that was sold otherwise before
sold AS (FROM sold_change('problem', $period_start - to_days($days))),

-- one row per such limit, in words
worded AS (
    SELECT
        problem.*,
        format('a {} of {}, ', about, per_gib_words(per_gib))
        || CASE
            WHEN is_allocated AND sold_iops IS NULL THEN 'and neither control plane nor storage tells its size'
            WHEN is_allocated THEN format(
                'which at its size of {} comes to {} IOPS, and the storage has ', size_words(size_bytes), sold_iops
            )
            || coalesce(format('{} IOPS', present), 'none')
            || coalesce(', right for ' || size_words(likely_size_of(present, per_gib)), '')
            ELSE 'and ' || unknown_allocation_words(expired_allocation_observed_at)
        END AS words,
        configured.told AS configured_told,
        sold.told AS sold_told
    FROM problem
    LEFT JOIN configured USING (volume_id, stretch, about)
    LEFT JOIN sold USING (volume_id, stretch, about)
)

SELECT
    CASE WHEN is_allocated AND any_value(sold_iops) IS NOT NULL THEN 'violation' ELSE 'unknown' END AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    CASE
        WHEN is_allocated
            THEN string_agg(concat(worded.about, ' ', coalesce(present::VARCHAR, 'none')), ', ' ORDER BY worded.about)
        ELSE 'not known'
    END AS observed,
    coalesce(string_agg(worded.about || ' ' || sold_iops, ', ' ORDER BY worded.about), 'not known') AS expected,
    'operations per second' AS unit,
    concat(
        format('Volume {} was sold by the GiB: {}.', volume, string_agg(words, '; ' ORDER BY worded.about)),
        ' It had ' || coalesce(any_value(resized.told), any_value(resold.told)) || '.',
        ' The storage had ' || string_agg(configured_told, ', and ' ORDER BY worded.about) || '.',
        ' Sold were ' || string_agg(sold_told, ', and ' ORDER BY worded.about) || '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM worded
LEFT JOIN resized USING (volume_id, stretch)
LEFT JOIN resold USING (volume_id, stretch)
GROUP BY
    volume_id, stretch, volume, sold_vm_id, account_id, is_allocated, valid_from, valid_to
