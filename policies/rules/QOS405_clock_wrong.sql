/*
code = "QOS405"
name = "clock_wrong"
title = "The clock of a source stepped, or goes otherwise than the collector's"
severity = "medium"
what = """
A source between two of whose runs the collector's wall clock was set by more than `tolerance_seconds`: it
rose by another length than the time since boot, which nobody can set. And a source whose rows say that they
were read more than that before their run began or after it ended, so that the clock there is another than
here. Rows that tell of windows, as AWS and VMware have them, may well lie before the run that reads them. Judged
are the runs of the period, or at a moment those of the last `hours` before it.
"""
why = """
Times of samples decide in which hour operations are billed, and how many a second they are: after a step
the same operations look like a burst or like none. Clocks that differ put what was set, sold and done into
the wrong order.
"""
example = """
A host was started with its clock an hour behind and corrected it by hand. Between two runs a minute apart lie
3660 seconds.
"""
mend = """
Let a time service (chrony, systemd-timesyncd) keep the clocks of collector and hosts, and have it slew
instead of step once the machine is up. docs/metering.md, Clocks, says what becomes of samples of a step.
"""
origin = """
Virtual machines that are paused, moved or restored come back with clocks that are wrong, and time services
then set them.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "tolerance_seconds"
unit = "seconds"
default = 2
meaning = "clocks may differ by so much"

[[parameters]]
name = "hours"
unit = "hours"
default = 24
meaning = "at a moment, and over a shorter period, the runs of so much time up to its end are judged"

[[fail]]
name = "the clock was set forward, or back, between runs of one boot"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:00Z, boot_id = "b1", boottime_us = 1000000 },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:01:00Z, ended_at = 2026-11-05T11:01:00Z, boot_id = "b1", boottime_us = 61000000 },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:02:02.000001Z, ended_at = 2026-11-05T11:02:02.000001Z, boot_id = "b1", boottime_us = 121000000 },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:03:02.000001Z, ended_at = 2026-11-05T11:03:02.000001Z, boot_id = "b1", boottime_us = 181000000 },
    { source = "kvm-2", run_id = "b", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:00Z, boot_id = "b1", boottime_us = 60000000 },
    { source = "kvm-2", run_id = "a", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:01:00Z, ended_at = 2026-11-05T10:01:00Z, boot_id = "b1", boottime_us = 120000000 },
    { source = "kvm-2", run_id = "c", kind = "hypervisor", status = "ok", started_at = 2026-11-05T10:02:00Z, ended_at = 2026-11-05T10:02:00Z, boot_id = "b1", boottime_us = 180000000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "2"
expected = "at most 2"
unit = "seconds"
interval_start = 2026-11-05T11:01:00Z
reason = "The clock of source kvm was set forward by 2 seconds between run 2 (2026-11-05 11:01:00 UTC) and run 3 (2026-11-05 11:02:02 UTC)."
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm-2"
observed = "3600"
interval_start = 2026-11-05T10:01:00Z
reason = "The clock of source kvm-2 was set back by 3600 seconds between run b (2026-11-05 11:00:00 UTC) and run a (2026-11-05 10:01:00 UTC)."

[[fail]]
name = "rows lie before their run, or after it"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:05Z, boot_id = "b1", boottime_us = 60000000, first_row_at = 2026-11-05T11:00:00Z, last_row_at = 2026-11-05T11:00:05Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:01:00Z, ended_at = 2026-11-05T11:01:05Z, boot_id = "b1", boottime_us = 120000000, first_row_at = 2026-11-05T11:00:57.999999Z, last_row_at = 2026-11-05T11:01:02Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:02:00Z, ended_at = 2026-11-05T11:02:00Z, boot_id = "b1", boottime_us = 180000000, first_row_at = 2026-11-05T11:02:00Z, last_row_at = 2026-11-05T11:02:00Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:05Z, boot_id = "b1", boottime_us = 60000000, first_row_at = 2026-11-05T11:00:01Z, last_row_at = 2026-11-05T11:01:05Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T11:00:57.999999Z, vm_id = "guest-1", device = "vda", state = "ok" },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "2"
interval_start = 2026-11-05T11:01:00Z
reason = "The clock that source kvm reads goes otherwise than the collector's: rows lie up to 2 seconds outside of the runs that read them."
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm-2"
observed = "60"
interval_start = 2026-11-05T11:00:00Z

[[fail]]
name = "over a period: the clock of a host is wrong for some runs, and for the last ones; then the collector's is set back"
parameters = { hours = 1 }
moment = 2026-11-05T11:00:00Z
until = 2026-11-05T12:00:00Z
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:00Z, boot_id = "b1", boottime_us = 60000000, first_row_at = 2026-11-05T11:00:00Z, last_row_at = 2026-11-05T11:00:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:05:00Z, ended_at = 2026-11-05T11:05:00Z, boot_id = "b1", boottime_us = 360000000, first_row_at = 2026-11-05T11:05:10Z, last_row_at = 2026-11-05T11:05:10Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:10:00Z, ended_at = 2026-11-05T11:10:00Z, boot_id = "b1", boottime_us = 660000000, first_row_at = 2026-11-05T11:10:20Z, last_row_at = 2026-11-05T11:10:20Z },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:15:00Z, ended_at = 2026-11-05T11:15:00Z, boot_id = "b1", boottime_us = 960000000, first_row_at = 2026-11-05T11:15:00Z, last_row_at = 2026-11-05T11:15:00Z },
    { source = "kvm", run_id = "5", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:50:00Z, ended_at = 2026-11-05T11:50:00Z, boot_id = "b1", boottime_us = 3060000000, first_row_at = 2026-11-05T11:50:30Z, last_row_at = 2026-11-05T11:50:30Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:40:00Z, ended_at = 2026-11-05T11:40:00Z, boot_id = "b1", boottime_us = 60000000 },
    { source = "kvm-2", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:20:00Z, ended_at = 2026-11-05T11:20:00Z, boot_id = "b1", boottime_us = 120000000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "20"
interval_start = 2026-11-05T11:05:00Z
interval_end = 2026-11-05T11:15:00Z
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm"
observed = "30"
interval_start = 2026-11-05T11:50:00Z
interval_end = 2026-11-05T12:00:00Z
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "kvm-2"
observed = "1260"
interval_start = 2026-11-05T11:20:00Z
interval_end = 2026-11-05T11:40:00Z

[[pass]]
name = "clocks go alike, or nearly, and a boot begins anew"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:00Z, boot_id = "b1", boottime_us = 60000000, first_row_at = 2026-11-05T10:59:58Z, last_row_at = 2026-11-05T11:00:02Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:01:02Z, ended_at = 2026-11-05T11:01:02Z, boot_id = "b1", boottime_us = 120000000, first_row_at = 2026-11-05T11:01:02Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:02:00Z, ended_at = 2026-11-05T11:02:00Z, boot_id = "b1", boottime_us = 180000000 },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:30:00Z, ended_at = 2026-11-05T11:30:00Z, boot_id = "b2", boottime_us = 1000000 },
]

[[fail]]
name = "windows lie after the run that read them"
given.collection_run = [
    { source = "aws", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:05Z, boot_id = "b1", boottime_us = 60000000, first_row_at = 2026-11-05T10:30:00Z, last_row_at = 2026-11-05T11:05:05Z },
]
given.disk_io_stat = [
    { source = "aws", run_id = "1", window_start = 2026-11-05T10:25:00Z, sampled_at = 2026-11-05T10:30:00Z, vm_id = "i-1", device = "vda", state = "ok" },
    { source = "aws", run_id = "1", window_start = 2026-11-05T11:00:05Z, sampled_at = 2026-11-05T11:05:05Z, vm_id = "i-1", device = "vda", state = "ok" },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "aws"
observed = "300"
interval_start = 2026-11-05T11:00:00Z

[[pass]]
name = "windows lie before the run that reads them"
given.collection_run = [
    { source = "aws", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T11:00:00Z, ended_at = 2026-11-05T11:00:05Z, boot_id = "b1", boottime_us = 60000000, first_row_at = 2026-11-04T12:06:00Z, last_row_at = 2026-11-05T11:00:00Z },
]
given.disk_io_stat = [
    { source = "aws", run_id = "1", window_start = 2026-11-04T12:01:00Z, sampled_at = 2026-11-04T12:06:00Z, vm_id = "i-1", device = "vda", state = "ok" },
]

[[pass]]
name = "over a period longer than the hours, windows lie before the run that reads them"
moment = 2026-11-03T00:00:00Z
until = 2026-11-05T12:00:00Z
given.collection_run = [
    { source = "aws", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-03T01:00:00Z, ended_at = 2026-11-03T01:00:05Z, boot_id = "b1", boottime_us = 60000000, first_row_at = 2026-11-03T00:30:00Z, last_row_at = 2026-11-03T01:00:00Z },
]
given.disk_io_stat = [
    { source = "aws", run_id = "1", window_start = 2026-11-03T00:25:00Z, sampled_at = 2026-11-03T00:30:00Z, vm_id = "i-1", device = "vda", state = "ok" },
]

[[pass]]
name = "the clock was set more than a day ago, or runs do not tell the time since boot, or which boot"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-04T11:00:00Z, ended_at = 2026-11-04T11:00:00Z, boot_id = "b1", boottime_us = 1000000 },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-04T12:00:00Z, ended_at = 2026-11-04T12:00:00Z, boot_id = "b1", boottime_us = 61000000 },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z, ended_at = 2026-11-05T12:00:00Z, boot_id = "b1", boottime_us = 86461000000 },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "kvm-2", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:30:00Z },
    { source = "kvm-3", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:00:00Z, boottime_us = 60000000 },
    { source = "kvm-3", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T11:30:00Z, boottime_us = 60000000 },
]
*/

WITH
-- one row per run that is looked at, with the one before it
run AS (FROM clock_between(least($period_start, $period_end - to_hours($hours)), $period_end)),

-- one row per two neighbouring runs between which the wall clock was set
step AS (
    SELECT
        source,
        least(earlier_started_at, started_at) AS valid_from,
        greatest(earlier_started_at, started_at) AS valid_to,
        abs(stepped_us) // 1000000 AS seconds,
        format(
            'The clock of source {} was set {} by {} seconds between run {} ({}) and run {} ({}).',
            source,
            CASE sign(stepped_us) WHEN 1 THEN 'forward' ELSE 'back' END,
            seconds,
            earlier_run_id,
            second_of(earlier_started_at),
            run_id,
            second_of(started_at)
        ) AS reason
    FROM run
    WHERE abs(stepped_us) > $tolerance_seconds * 1000000
),

-- one row per source that tells of windows, which end before the run that reads them
windowed AS (
    SELECT DISTINCT source
    FROM sampled_between(least($period_start, $period_end - to_hours($hours)), $period_end)
    WHERE window_start IS NOT NULL
),

-- one row per run, numbered in the order of time, and how far its rows lie outside of it
numbered AS (
    SELECT
        source,
        started_at,
        row_number() OVER runs AS number,
        lead(started_at) OVER runs AS next_started_at,
        greatest(
            CASE WHEN source NOT IN (FROM windowed) THEN epoch_us(started_at) - epoch_us(first_row_at) END,
            epoch_us(last_row_at) - epoch_us(ended_at)
        ) AS outside_us
    FROM run
    WINDOW runs AS (PARTITION BY source ORDER BY started_at)
),

-- one row per run with rows outside of it; runs in a row have the same `streak`
off AS (
    SELECT *, number - row_number() OVER (PARTITION BY source ORDER BY number) AS streak
    FROM numbered
    WHERE outside_us > $tolerance_seconds * 1000000
),

-- one row per source and time in which its rows lie outside of its runs
difference AS (
    SELECT
        source,
        min(started_at) AS valid_from,
        arg_max_null(next_started_at, number) AS valid_to,
        max(outside_us) // 1000000 AS seconds,
        format(
            'The clock that source {} reads goes otherwise than the collector''s: rows lie up to {} seconds outside of the runs that read them.',
            source, max(outside_us) // 1000000
        ) AS reason
    FROM off
    GROUP BY source, streak
),

-- one row per source and time in which its clock is wrong, in either way
problem AS (
    FROM step
    UNION ALL
    FROM difference
)

SELECT
    'violation' AS status,
    'source' AS resource_kind,
    source AS resource_id,
    NULL::VARCHAR AS vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    seconds::VARCHAR AS observed,
    'at most ' || $tolerance_seconds AS expected,
    'seconds' AS unit,
    reason,
    valid_from AS interval_start,
    CASE WHEN $period_end - to_hours($hours) >= $period_start THEN valid_to END AS interval_end
FROM problem
