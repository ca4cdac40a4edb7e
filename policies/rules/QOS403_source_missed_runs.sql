/*
code = "QOS403"
name = "source_missed_runs"
title = "A source missed runs"
severity = "high"
what = """
A source whose runs cover less than `coverage_percent` of the time since the first of them, over the period,
or at a moment over the last `hours` before it. The usual time between its runs is the median of that time.
Where more than twice as long passes from one run to the next, nothing of it is covered; so is the time
since the last run of a source that has stopped. A run that failed covers nothing, one that could not read
some items (`partial`) does. The time between runs is told from all of them, and from the last three before
that time; a source with fewer than three runs is not judged, nor is a retired one.
"""
why = """
Between two runs the counters go on, so operations are seldom lost, but over a long gap nobody can tell
guaranteed from burst; guests that come and go within it are not metered at all, and what was set or sold
meanwhile is not known.
"""
example = """
The host's certificate expired on Friday evening. The runs of `kvm-7` failed until Monday; 61 % of the week
are covered.
"""
mend = """
See why runs are missing: `collection_run.error` of those that failed, the service's log where there are
none. Name a source that is gone for good under `retired` in the lake's settings.
"""
origin = """
Every bill for usage rests on how much of the time was looked at; mediation systems of telephone networks
report missing records for the same reason.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "coverage_percent"
unit = "percent"
default = 99
meaning = "runs should cover this much of the time, or more"

[[parameters]]
name = "hours"
unit = "hours"
default = 24
meaning = "at a moment, and over a shorter period, so much time up to its end is judged"

[[fail]]
name = "a failed run leaves a gap, and a partial run does not; another source has stopped, and one began late"
parameters = { hours = 1 }
given.collection_run = [
    { source = "kvm", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:40:00Z },
    { source = "kvm", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:50:00Z },
    { source = "kvm", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:10:00Z },
    { source = "kvm", run_id = "05", kind = "hypervisor", status = "failed", started_at = 2026-11-05T11:20:00Z },
    { source = "kvm", run_id = "06", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:30:01Z },
    { source = "kvm", run_id = "07", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:40:00Z },
    { source = "kvm", run_id = "08", kind = "hypervisor", status = "partial", started_at = 2026-11-05T11:50:00Z },
    { source = "kvm", run_id = "09", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm-2", run_id = "00", kind = "hypervisor", status = "ok", started_at = 2026-11-05T03:00:00Z },
    { source = "kvm-2", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T06:00:00Z },
    { source = "kvm-2", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T09:00:00Z },
    { source = "kvm-2", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:00:00Z },
    { source = "kvm-3", run_id = "01", kind = "hypervisor", status = "failed", started_at = 2026-11-05T11:40:00Z },
    { source = "kvm-3", run_id = "02", kind = "hypervisor", status = "failed", started_at = 2026-11-05T11:50:00Z },
    { source = "kvm-3", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:01Z },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "66.63"
expected = "99"
unit = "percent"
interval_start = 2026-11-05T11:10:00Z
reason = "Runs of source kvm cover 66.63 percent of the time from 2026-11-05 11:05:00 UTC to 2026-11-05 12:05:00 UTC: gaps of more than twice the usual 600 seconds between runs: 1, the longest 1201 seconds from 2026-11-05 11:10:00 UTC on."
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm-2"
observed = "0.00"
interval_start = 2026-11-05T11:05:00.000001Z
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm-3"
observed = "19.93"
interval_start = 2026-11-05T11:40:00Z
[[fail]]
name = "what lies before the time that is judged tells how often runs begin, and does not count itself"
parameters = { hours = 1 }
given.collection_run = [
    { source = "kvm", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T09:00:00Z },
    { source = "kvm", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T09:05:00Z },
    { source = "kvm", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T09:10:00Z },
    { source = "kvm", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:05:00.000001Z },
    { source = "kvm", run_id = "05", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:35:00Z },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "0.00"
interval_start = 2026-11-05T11:05:00.000001Z
reason = "Runs of source kvm cover 0.00 percent of the time from 2026-11-05 11:05:00 UTC to 2026-11-05 12:05:00 UTC: gaps of more than twice the usual 300 seconds between runs: 2, the longest 1800 seconds from 2026-11-05 11:35:00 UTC on."

[[fail]]
name = "the runs cover a second too little"
parameters = { hours = 1, coverage_percent = 75 }
given.collection_run = [
    { source = "kvm", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:55:00Z },
    { source = "kvm", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:05:00Z },
    { source = "kvm", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:20:01Z },
    { source = "kvm", run_id = "05", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:25:00Z },
    { source = "kvm", run_id = "06", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:30:00Z },
    { source = "kvm", run_id = "07", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:35:00Z },
    { source = "kvm", run_id = "08", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:40:00Z },
    { source = "kvm", run_id = "09", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:45:00Z },
    { source = "kvm", run_id = "10", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:50:00Z },
    { source = "kvm", run_id = "11", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:55:00Z },
    { source = "kvm", run_id = "12", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
[[fail.expect]]
status = "violation"
resource_id = "kvm"
observed = "74.97"
expected = "75"

[[fail]]
name = "over a period: a source misses some hours, and stops later"
moment = 2026-11-05T00:00:00Z
until = 2026-11-06T00:00:00Z
given.collection_run = [
    { source = "kvm", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T00:00:00Z },
    { source = "kvm", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T01:00:00Z },
    { source = "kvm", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T02:00:00Z },
    { source = "kvm", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T03:00:00Z },
    { source = "kvm", run_id = "05", kind = "hypervisor", status = "ok", started_at = 2026-11-05T07:00:00Z },
    { source = "kvm", run_id = "06", kind = "hypervisor", status = "ok", started_at = 2026-11-05T08:00:00Z },
    { source = "kvm", run_id = "07", kind = "hypervisor", status = "ok", started_at = 2026-11-05T09:00:00Z },
    { source = "kvm", run_id = "08", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:00:00Z },
    { source = "kvm", run_id = "09", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm", run_id = "10", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "11", kind = "hypervisor", status = "partial", started_at = 2026-11-05T13:00:00Z },
    { source = "kvm", run_id = "12", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:00:00Z },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "41.66"
interval_start = 2026-11-05T03:00:00Z
interval_end = 2026-11-05T07:00:00Z
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "41.66"
interval_start = 2026-11-05T14:00:00Z
interval_end = 2026-11-06T00:00:00Z

[[pass]]
name = "a gap of twice the usual time, and a source that was read twice so far"
parameters = { hours = 1 }
given.collection_run = [
    { source = "kvm", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:10:00Z },
    { source = "kvm", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:30:00Z },
    { source = "kvm", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:40:00Z },
    { source = "kvm", run_id = "05", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:50:00Z },
    { source = "kvm", run_id = "06", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm-2", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm-2", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:01:00Z },
    { source = "kvm-2", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:05:00.000001Z },
]

[[pass]]
name = "the runs cover just enough"
parameters = { hours = 1, coverage_percent = 75 }
given.collection_run = [
    { source = "kvm", run_id = "01", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:55:00Z },
    { source = "kvm", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:05:00Z },
    { source = "kvm", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:20:00.000001Z },
    { source = "kvm", run_id = "05", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:25:00Z },
    { source = "kvm", run_id = "06", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:30:00Z },
    { source = "kvm", run_id = "07", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:35:00Z },
    { source = "kvm", run_id = "08", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:40:00Z },
    { source = "kvm", run_id = "09", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:45:00Z },
    { source = "kvm", run_id = "10", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:50:00Z },
    { source = "kvm", run_id = "11", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:55:00Z },
    { source = "kvm", run_id = "12", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
*/

WITH
-- one row per source that is waited for, and the time that is judged
judged AS (
    SELECT
        source,
        greatest(expected_from, least($period_start, $period_end - to_hours($hours))) AS judged_from,
        expected_until AS judged_until
    FROM expected_source
),

-- one row per such source, and the earliest of the runs that are looked at
reach AS (
    SELECT
        source,
        judged_from,
        judged_until,
        least(list_min(max(run.started_at, 3) FILTER (run.started_at < judged_from)), judged_from) AS runs_from
    FROM judged
    JOIN collection_run AS run USING (source)
    GROUP BY source, judged_from, judged_until
),

-- one row per such run, with the time since the one before
run AS (
    SELECT
        reach.*,
        run.started_at,
        run.status,
        epoch_us(run.started_at) - lag(epoch_us(run.started_at)) OVER (PARTITION BY source ORDER BY run.started_at) AS passed_us
    FROM reach
    JOIN collection_run AS run USING (source)
    WHERE run.started_at >= runs_from AND run.started_at < judged_until
),

-- one row per source with enough runs, and the usual time between them
beat AS (
    SELECT source, quantile_disc(passed_us, 0.5) AS beat_us
    FROM run
    GROUP BY source
    HAVING count(*) >= 3
),

-- one row per run that covers the time until the next, and the first, whatever became of it
covering AS (
    SELECT *, lead(started_at, 1, judged_until) OVER (PARTITION BY source ORDER BY started_at) AS next_started_at
    FROM run
    WHERE status <> 'failed' OR started_at = runs_from
),

-- one row per time that is too long, as far as it is judged
gap AS (
    SELECT
        covering.*,
        beat.beat_us,
        greatest(started_at, judged_from) AS missed_from,
        epoch_us(next_started_at) - epoch_us(missed_from) AS missed_us
    FROM covering
    JOIN beat USING (source)
    WHERE
        next_started_at > judged_from
        AND epoch_us(next_started_at) - epoch_us(started_at) > 2 * beat_us
),

-- one row per source with such times
missed AS (
    SELECT
        source,
        count(*) AS gaps,
        max(missed_us) // 1000000 AS longest_seconds,
        arg_max(missed_from, missed_us) AS longest_from,
        sum(missed_us) AS sum_us
    FROM gap
    GROUP BY source
),

-- one row per such time of a source whose runs cover too little; `covered` is in hundredths of a percent
problem AS (
    SELECT
        *,
        epoch_us(judged_until) - epoch_us(judged_from) AS judged_us,
        10000 * (judged_us - sum_us) // judged_us AS covered,
        format('{}.{:02d}', covered // 100, covered % 100) AS percent
    FROM gap
    JOIN missed USING (source)
    WHERE 100 * sum_us > (100 - $coverage_percent) * judged_us
)

SELECT
    'violation' AS status,
    'source' AS resource_kind,
    source AS resource_id,
    NULL::VARCHAR AS vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    percent AS observed,
    $coverage_percent::VARCHAR AS expected,
    'percent' AS unit,
    format(
        'Runs of source {} cover {} percent of the time from {} to {}: ',
        source, percent, second_of(judged_from), second_of(judged_until)
    )
    || format(
        'gaps of more than twice the usual {} seconds between runs: {}, the longest {} seconds from {} on.',
        beat_us // 1000000, gaps, longest_seconds, second_of(longest_from)
    ) AS reason,
    missed_from AS interval_start,
    CASE WHEN $period_end - to_hours($hours) >= $period_start THEN next_started_at END AS interval_end
FROM problem
